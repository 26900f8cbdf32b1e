-- Statements that find the rows that they change through the index, and change the
-- column that they look for: every row is met once, and twins without index agree.
CREATE TABLE cti (id int, k int, t text COLLATE "C");
CREATE TABLE cti_twin (id int, k int, t text COLLATE "C");
CREATE INDEX cti_k ON cti USING masstree (k);
CREATE INDEX cti_t ON cti USING masstree (t);
CREATE TABLE cti_from (k int, t text COLLATE "C");
INSERT INTO cti_from SELECT g * 10, 'from ' || g FROM generate_series(1, 60) g;
INSERT INTO cti_from VALUES (30, 'from again'), (NULL, NULL);
-- runs a statement on both tables: "cti" in it is replaced
CREATE FUNCTION on_both(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  scans bigint;
  read boolean;
  rows bigint;
  rows_twin bigint;
  a text[];
  b text[];
BEGIN
  PERFORM set_mode('index');
  scans := pg_stat_get_xact_numscans('cti_k'::regclass) + pg_stat_get_xact_numscans('cti_t'::regclass);
  EXECUTE statement;
  GET DIAGNOSTICS rows = ROW_COUNT;
  read := pg_stat_get_xact_numscans('cti_k'::regclass) + pg_stat_get_xact_numscans('cti_t'::regclass) > scans;
  PERFORM reset_mode();
  EXECUTE regexp_replace(statement, '\mcti\M', 'cti_twin', 'g');
  GET DIAGNOSTICS rows_twin = ROW_COUNT;
  SELECT array_agg(x::text ORDER BY x::text COLLATE "C") INTO a FROM cti x;
  SELECT array_agg(x::text ORDER BY x::text COLLATE "C") INTO b FROM cti_twin x;
  RETURN format('index %s, %s rows, %s', CASE WHEN read THEN 'read' ELSE 'not read' END, rows,
    CASE WHEN rows = rows_twin AND a IS NOT DISTINCT FROM b THEN 'same'
      ELSE format('DIFFERENT: %s, %s and %s in all', rows_twin, cardinality(a), cardinality(b)) END);
END $$;
SELECT on_both('INSERT INTO cti SELECT g, g % 700, ''t'' || g % 90 FROM generate_series(1, 2000) g');
ANALYZE cti;
-- rows move ahead of the scan, and behind it
SELECT on_both('UPDATE cti SET k = k + 5 WHERE k > 600');
SELECT on_both('UPDATE cti SET k = k - 5 WHERE k < 100');
SELECT on_both('UPDATE cti SET t = t || '' moved'' WHERE t > ''t5''');
SELECT on_both('UPDATE cti SET k = NULL WHERE k BETWEEN 300 AND 310');
SELECT on_both('UPDATE cti SET k = 305 WHERE k IS NULL');
-- joined
SELECT on_both('UPDATE cti SET t = f.t FROM cti_from f WHERE cti.k = f.k AND f.t <> ''from again''');
SELECT on_both('DELETE FROM cti USING cti_from f WHERE cti.k = f.k AND f.t < ''from 3''');
SELECT on_both('DELETE FROM cti WHERE k IN (SELECT k + 1 FROM cti_from WHERE k < 200)');
SELECT on_both('UPDATE cti SET id = (SELECT count(*) FROM cti_from f WHERE f.k < cti.k) WHERE t = ''from 7''');
-- MERGE
SELECT on_both('MERGE INTO cti USING (SELECT * FROM cti_from WHERE t <> ''from again'') f ON cti.k = f.k
  WHEN MATCHED AND f.t > ''from 5'' THEN DELETE
  WHEN MATCHED THEN UPDATE SET k = cti.k + 1, t = ''merged''
  WHEN NOT MATCHED THEN INSERT VALUES (9000, f.k, f.t)');
-- with WITH and RETURNING, and rows put back
SELECT on_both('WITH gone AS (DELETE FROM cti WHERE t ^@ ''t1'' RETURNING *)
  INSERT INTO cti SELECT id, k + 1000, ''back '' || t FROM gone');
SELECT on_both('UPDATE cti SET k = k + 1 WHERE t ^@ ''back''');
SELECT on_both('DELETE FROM cti WHERE k > 1600');
SELECT masstree_check('cti_k', true), masstree_check('cti_t', true);

-- ON CONFLICT asks a btree or an exclusion constraint; a masstree beside it follows
CREATE TABLE cti_up (id int PRIMARY KEY, t text COLLATE "C");
CREATE INDEX cti_up_t ON cti_up USING masstree (t);
INSERT INTO cti_up SELECT g, 'first ' || g FROM generate_series(1, 100) g;
INSERT INTO cti_up SELECT g, 'second ' || g FROM generate_series(50, 150) g
  ON CONFLICT (id) DO UPDATE SET t = EXCLUDED.t || ' over ' || cti_up.t;
INSERT INTO cti_up SELECT g, 'third' FROM generate_series(140, 160) g ON CONFLICT DO NOTHING;
SELECT same_rows('SELECT id, t FROM cti_up WHERE t > ''first 5'' ORDER BY t, id', 'cti_up_t', 'bitmap');
SELECT same_rows('SELECT t FROM cti_up WHERE t > ''first 5'' ORDER BY t', 'cti_up_t');
SELECT masstree_check('cti_up_t', true);

-- cursors: WHERE CURRENT OF, FOR UPDATE
SELECT set_mode('index');
BEGIN;
DECLARE c CURSOR FOR SELECT id, t FROM cti_up WHERE t ^@ 'third' ORDER BY t FOR UPDATE;
FETCH 2 FROM c;
UPDATE cti_up SET t = 'at cursor' WHERE CURRENT OF c;
FETCH 1 FROM c;
DELETE FROM cti_up WHERE CURRENT OF c;
FETCH 1 FROM c;
COMMIT;
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT t FROM cti_up WHERE t ^@ 'second 14' ORDER BY t;
FETCH 2 FROM c;
UPDATE cti_up SET t = 'zz' WHERE CURRENT OF c;
FETCH RELATIVE 0 FROM c;
FETCH PRIOR FROM c;
DELETE FROM cti_up WHERE CURRENT OF c;
COMMIT;
SELECT t FROM cti_up WHERE t ^@ 'second 14' ORDER BY t FOR UPDATE SKIP LOCKED;
SELECT t FROM cti_up WHERE t IN ('zz', 'at cursor') ORDER BY t FOR SHARE NOWAIT;
SELECT reset_mode();
SELECT same_rows('SELECT id, t FROM cti_up WHERE t >= ''''', 'cti_up_t');

-- triggers that change the same table
CREATE FUNCTION cti_up_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.t ^@ 'spread' AND length(NEW.t) < 12 THEN
    UPDATE cti_up SET t = NEW.t || '+' WHERE t = (SELECT min(t) FROM cti_up WHERE t ^@ 'first');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER cti_up_trigger AFTER UPDATE ON cti_up FOR EACH ROW EXECUTE FUNCTION cti_up_trigger();
SET enable_seqscan = off;
UPDATE cti_up SET t = 'spread' WHERE t = 'first 30';
RESET enable_seqscan;
SELECT same_rows('SELECT t FROM cti_up WHERE t ^@ ''spread'' ORDER BY t', 'cti_up_t');
SELECT array_agg(t ORDER BY t) FROM cti_up WHERE t ^@ 'spread';
SELECT masstree_check('cti_up_t', true);
