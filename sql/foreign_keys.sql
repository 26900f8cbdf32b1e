-- The referencing side of foreign keys: the queries that PostgreSQL itself makes when
-- a referenced row goes or changes find their rows through a masstree index.
CREATE TABLE fk_ref (id int PRIMARY KEY, code text COLLATE "C" UNIQUE);
INSERT INTO fk_ref SELECT g, 'code ' || g FROM generate_series(0, 99) g;

CREATE FUNCTION scans_of(index_name text) RETURNS bigint LANGUAGE sql AS
  'SELECT pg_stat_get_xact_numscans(index_name::regclass)';
-- says whether the statement read the index, and compares with a twin without index
CREATE FUNCTION twins(statement text, name text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  before bigint := scans_of(name || '_ref_id');
  a text[];
  b text[];
  outcome text := 'done';
BEGIN
  BEGIN
    EXECUTE statement;
  EXCEPTION WHEN foreign_key_violation OR check_violation THEN
    outcome := SQLERRM;
  END;
  EXECUTE format('SELECT array_agg(x::text ORDER BY x.id) FROM %I x', name) INTO a;
  EXECUTE format('SELECT array_agg(x::text ORDER BY x.id) FROM %I x', name || '_twin') INTO b;
  RETURN format('%s; index %s; %s', outcome,
    CASE WHEN scans_of(name || '_ref_id') > before THEN 'read' ELSE 'not read' END,
    CASE WHEN a IS NOT DISTINCT FROM b THEN format('%s rows, same', cardinality(a)) ELSE 'DIFFERENT' END);
END $$;
CREATE FUNCTION make_twins(name text, action text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY[name, name || '_twin'] LOOP
    EXECUTE format('CREATE TABLE %I (id int, ref_id int DEFAULT 0 REFERENCES fk_ref %s)', t, action);
    IF t = name THEN
      EXECUTE format('CREATE INDEX %I ON %I USING masstree (ref_id)', name || '_ref_id', name);
    END IF;
    EXECUTE format('INSERT INTO %I SELECT g, nullif(g %% 100, 50) FROM generate_series(1, 2000) g', t);
  END LOOP;
END $$;
SET enable_seqscan = off;
BEGIN;
SELECT make_twins('fk_cascade', 'ON DELETE CASCADE ON UPDATE CASCADE');
SELECT twins('DELETE FROM fk_ref WHERE id IN (7, 8)', 'fk_cascade');
SELECT twins('UPDATE fk_ref SET id = id + 1000 WHERE id BETWEEN 90 AND 95', 'fk_cascade');
SELECT twins('DELETE FROM fk_ref WHERE id = 1090', 'fk_cascade');
SELECT masstree_check('fk_cascade_ref_id', true);
ROLLBACK;
BEGIN;
SELECT make_twins('fk_null', 'ON DELETE SET NULL ON UPDATE SET NULL');
SELECT twins('DELETE FROM fk_ref WHERE id IN (7, 8)', 'fk_null');
SELECT twins('UPDATE fk_ref SET id = id + 1000 WHERE id BETWEEN 90 AND 95', 'fk_null');
SELECT masstree_check('fk_null_ref_id', true);
ROLLBACK;
BEGIN;
SELECT make_twins('fk_default', 'ON DELETE SET DEFAULT ON UPDATE SET DEFAULT');
SELECT twins('DELETE FROM fk_ref WHERE id IN (7, 8)', 'fk_default');
SELECT twins('DELETE FROM fk_ref WHERE id = 0', 'fk_default');
SELECT masstree_check('fk_default_ref_id', true);
ROLLBACK;
BEGIN;
SELECT make_twins('fk_restrict', 'ON DELETE RESTRICT');
SELECT twins('DELETE FROM fk_ref WHERE id = 7', 'fk_restrict');
DELETE FROM fk_restrict WHERE ref_id = 7;
DELETE FROM fk_restrict_twin WHERE ref_id = 7;
SELECT twins('DELETE FROM fk_ref WHERE id IN (7, 50)', 'fk_restrict');
ROLLBACK;
-- checked at the end
BEGIN;
SELECT make_twins('fk_later', 'DEFERRABLE INITIALLY DEFERRED');
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
SELECT twins('DELETE FROM fk_ref WHERE id = 7', 'fk_later');
SELECT twins('SET CONSTRAINTS ALL IMMEDIATE', 'fk_later');
INSERT INTO fk_ref VALUES (7, 'again');
SELECT twins('SET CONSTRAINTS ALL IMMEDIATE', 'fk_later');
ROLLBACK;

-- a key of text; long chains of rows that refer to themselves
CREATE TABLE fk_tree (name text COLLATE "C" PRIMARY KEY, parent text COLLATE "C" REFERENCES fk_tree ON DELETE CASCADE ON UPDATE CASCADE);
CREATE INDEX fk_tree_parent ON fk_tree USING masstree (parent);
INSERT INTO fk_tree SELECT '/' || g, CASE WHEN g > 1 THEN '/' || g / 2 END FROM generate_series(1, 500) g;
BEGIN;
DELETE FROM fk_tree WHERE name = '/3';
SELECT scans_of('fk_tree_parent') > 100 AS read, count(*) FROM fk_tree;
SELECT same_rows('SELECT name FROM fk_tree WHERE parent ^@ ''/1''', 'fk_tree_parent');
UPDATE fk_tree SET name = '/two' WHERE name = '/2';
SELECT same_rows('SELECT name FROM fk_tree WHERE parent = ''/two''', 'fk_tree_parent');
SELECT masstree_check('fk_tree_parent', true);
ROLLBACK;
SELECT same_rows('SELECT name FROM fk_tree WHERE parent = ''/3''', 'fk_tree_parent');
-- partitioned on the referencing side
CREATE TABLE fk_part (id int, ref_id int REFERENCES fk_ref ON DELETE CASCADE) PARTITION BY RANGE (id);
CREATE TABLE fk_part_1 PARTITION OF fk_part FOR VALUES FROM (0) TO (500);
CREATE TABLE fk_part_2 PARTITION OF fk_part FOR VALUES FROM (500) TO (1000);
CREATE INDEX fk_part_ref_id ON fk_part USING masstree (ref_id);
INSERT INTO fk_part SELECT g, g % 100 FROM generate_series(0, 999) g;
BEGIN;
DELETE FROM fk_ref WHERE id BETWEEN 10 AND 19;
SELECT scans_of('fk_part_1_ref_id_idx') > 0 AS first, scans_of('fk_part_2_ref_id_idx') > 0 AS second;
SELECT count(*) FROM fk_part;
SELECT same_rows('SELECT id FROM fk_part WHERE ref_id BETWEEN 5 AND 15', 'fk_part_2_ref_id_idx');
ROLLBACK;
-- an index on the referenced column beside the key that PostgreSQL asks for
CREATE INDEX fk_ref_id ON fk_ref USING masstree (id);
CREATE TABLE fk_both (ref_id int REFERENCES fk_ref (id), code text COLLATE "C" REFERENCES fk_ref (code));
INSERT INTO fk_both VALUES (5, 'code 6');
INSERT INTO fk_both VALUES (5000, 'code 6');
-- alone it does not do: the referenced side needs a unique btree index
CREATE TABLE fk_no (id int);
CREATE INDEX fk_no_id ON fk_no USING masstree (id);
ALTER TABLE fk_no ADD EXCLUDE USING masstree (id WITH =);
CREATE TABLE fk_refused (id int REFERENCES fk_no (id));
