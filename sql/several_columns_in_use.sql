-- Indexes of several columns and with INCLUDE in the places where btree's are used:
-- partitions, foreign keys, policies, joins, grouping, pages of a list.
CREATE TABLE sci (a int, b text COLLATE "C", c numeric, d date, note text);
INSERT INTO sci SELECT g % 20, 'b' || g * 7919 % 61, (g % 13) * 1.50, date '2020-01-01' + g % 90, 'note ' || g
  FROM generate_series(1, 3000) g;
INSERT INTO sci VALUES (NULL, NULL, NULL, NULL, 'nulls'), (5, NULL, 1.5, NULL, 'some nulls');
CREATE INDEX sci_abc ON sci USING masstree (a, b DESC NULLS LAST, c) INCLUDE (d);
CREATE INDEX sci_d ON sci USING masstree (d, a) WHERE c > 3;
VACUUM ANALYZE sci;
-- grouped, made distinct and ordered by its first columns
SELECT same_rows('SELECT a, b, count(*) FROM sci GROUP BY a, b ORDER BY a, b DESC NULLS LAST', 'sci_abc');
SELECT same_rows('SELECT DISTINCT a, b FROM sci ORDER BY a, b DESC NULLS LAST', 'sci_abc');
SELECT same_rows('SELECT DISTINCT ON (a) a, b FROM sci ORDER BY a, b DESC NULLS LAST', 'sci_abc');
SELECT same_rows('SELECT a, b, c FROM sci ORDER BY a DESC NULLS FIRST, b NULLS FIRST, c DESC NULLS FIRST', 'sci_abc');
SELECT same_rows('SELECT b, c FROM sci WHERE a = 7 ORDER BY b DESC NULLS LAST, c', 'sci_abc');
SELECT same_rows('SELECT a, rank() OVER (PARTITION BY a ORDER BY b DESC NULLS LAST) FROM sci WHERE a < 3 ORDER BY a, b DESC NULLS LAST', 'sci_abc');
SELECT same_rows('SELECT max(b), min(b) FROM sci WHERE a = 7', 'sci_abc');
SELECT same_rows('SELECT max(a) FROM sci', 'sci_abc');
SELECT same_rows('SELECT d, a FROM sci WHERE c > 3 AND d BETWEEN ''2020-02-01'' AND ''2020-02-20'' ORDER BY d, a', 'sci_d');
SELECT same_rows('SELECT a, d FROM sci WHERE a = 3 AND b LIKE ''b1%'' AND d < ''2020-02-01''', 'sci_abc');
SELECT same_rows('SELECT a, b FROM sci WHERE a = ANY (''{1,2,3}'') AND b IN (''b1'', ''b2'', ''b7'') ORDER BY a, b DESC NULLS LAST', 'sci_abc');
SELECT same_rows('SELECT a, b, c FROM sci WHERE a IS NULL OR (a = 5 AND b IS NULL)', 'sci_abc', 'bitmap');
-- page after page of a list: the row comparison filters, a condition on the first column narrows
CREATE FUNCTION pages(size int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  last record;
  page record;
  n int := 0;
  seen int := 0;
BEGIN
  SELECT -1 AS a, '' COLLATE "C" AS b INTO last;
  LOOP
    n := 0;
    FOR page IN SELECT a, b FROM sci_pages WHERE a >= last.a AND (a, b) > (last.a, last.b) ORDER BY a, b LIMIT size LOOP
      n := n + 1;
      last := page;
    END LOOP;
    EXIT WHEN n = 0;
    seen := seen + n;
  END LOOP;
  RETURN format('%s rows in pages of %s', seen, size);
END $$;
CREATE TABLE sci_pages AS SELECT DISTINCT a, b FROM sci WHERE a IS NOT NULL AND b IS NOT NULL;
CREATE INDEX sci_pages_ab ON sci_pages USING masstree (a, b);
VACUUM ANALYZE sci_pages;
SELECT count(*) FROM sci_pages;
SELECT set_mode('index');
EXPLAIN (COSTS OFF) SELECT a, b FROM sci_pages WHERE a >= 7 AND (a, b) > (7, 'b3') ORDER BY a, b LIMIT 10;
SELECT pages(7);
SELECT pages(100);
SELECT reset_mode();
-- joined on both columns
SET enable_hashjoin = off;
SET enable_nestloop = off;
SELECT same_rows('SELECT s.note, p.a FROM sci s JOIN sci_pages p ON s.a = p.a AND s.b = p.b WHERE s.a < 4', 'sci_pages_ab');
RESET enable_nestloop;
SET enable_mergejoin = off;
SELECT same_rows('SELECT s.note, p.a FROM sci s LEFT JOIN sci_pages p ON s.a = p.a AND s.b = p.b WHERE s.c = 1.5', 'sci_pages_ab');
SELECT same_rows('SELECT p.a, p.b, l.c FROM sci_pages p, LATERAL (SELECT c FROM sci WHERE sci.a = p.a AND sci.b = p.b ORDER BY c DESC LIMIT 1) l
  WHERE p.a < 5 ORDER BY p.a, p.b', 'sci_abc');
RESET enable_hashjoin;
RESET enable_mergejoin;
-- a foreign key of two columns; the leading column alone serves another
CREATE TABLE sci_ref (x int, y date, PRIMARY KEY (x, y));
INSERT INTO sci_ref SELECT x, date '2020-01-01' + y FROM generate_series(1, 10) x, generate_series(0, 9) y;
CREATE TABLE sci_fk (id int, x int, y date, FOREIGN KEY (x, y) REFERENCES sci_ref ON DELETE CASCADE ON UPDATE CASCADE);
CREATE INDEX sci_fk_xy ON sci_fk USING masstree (x, y) INCLUDE (id);
INSERT INTO sci_fk SELECT g, 1 + g % 10, date '2020-01-01' + g / 10 % 10 FROM generate_series(1, 1000) g;
BEGIN;
SET LOCAL enable_seqscan = off;
SELECT pg_stat_get_xact_numscans('sci_fk_xy'::regclass) AS before \gset
DELETE FROM sci_ref WHERE x = 3 AND y < '2020-01-05';
UPDATE sci_ref SET y = y + 100 WHERE x = 4;
SELECT pg_stat_get_xact_numscans('sci_fk_xy'::regclass) - :before >= 14 AS read;
COMMIT;
SELECT same_rows('SELECT x, y, id FROM sci_fk WHERE x = 3', 'sci_fk_xy');
SELECT same_rows('SELECT x, y, id FROM sci_fk WHERE x = 4 AND y > ''2020-04-01''', 'sci_fk_xy');
SELECT masstree_check('sci_fk_xy', true);
-- partitions with an order of two columns; the key of the partitions in front
CREATE TABLE sci_part (k int, t timestamptz, v float8) PARTITION BY RANGE (k);
CREATE TABLE sci_part_1 PARTITION OF sci_part FOR VALUES FROM (0) TO (50);
CREATE TABLE sci_part_2 PARTITION OF sci_part FOR VALUES FROM (50) TO (100);
CREATE INDEX sci_part_kt ON sci_part USING masstree (k, t DESC) INCLUDE (v);
INSERT INTO sci_part SELECT g % 100, timestamptz '2021-01-01 00:00 UTC' + g * interval '1 hour', g / 3.0 FROM generate_series(1, 2000) g;
VACUUM ANALYZE sci_part;
SELECT set_mode('index');
EXPLAIN (COSTS OFF) SELECT k, t FROM sci_part ORDER BY k, t DESC LIMIT 5;
EXPLAIN (COSTS OFF) SELECT k, t, v FROM sci_part WHERE k IN (10, 60) AND t > '2021-02-01 00:00 UTC';
SELECT reset_mode();
SELECT same_rows('SELECT k, t FROM sci_part ORDER BY k, t DESC', 'sci_part_2_k_t_v_idx');
SELECT same_rows('SELECT k, t, v FROM sci_part WHERE k IN (10, 60) AND t > ''2021-02-01 00:00 UTC''', 'sci_part_2_k_t_v_idx');
UPDATE sci_part SET k = k + 30, v = -v WHERE k BETWEEN 20 AND 60;
SELECT same_rows('SELECT k, t, v FROM sci_part WHERE k > 40 ORDER BY k, t DESC', 'sci_part_2_k_t_v_idx');
SELECT masstree_check('sci_part_1_k_t_v_idx', true), masstree_check('sci_part_2_k_t_v_idx', true);
-- a policy on the first column, the query on the second
CREATE ROLE regress_mt_tenant;
ALTER TABLE sci ENABLE ROW LEVEL SECURITY;
CREATE POLICY sci_tenant ON sci USING (a = 7);
GRANT SELECT ON sci TO regress_mt_tenant;
SET ROLE regress_mt_tenant;
SELECT same_rows('SELECT b, c FROM sci WHERE b > ''b3'' ORDER BY b DESC NULLS LAST, c', 'sci_abc');
SELECT same_rows('SELECT note FROM sci WHERE b = ''b7'' AND note LIKE ''note%''', 'sci_abc');
RESET ROLE;
DROP TABLE sci;
DROP ROLE regress_mt_tenant;
-- columns of the index change their type, or go
CREATE TABLE sci_alt (a int, b text COLLATE "C", c int);
INSERT INTO sci_alt SELECT g % 10, 'b' || g, g FROM generate_series(1, 500) g;
CREATE INDEX sci_alt_ab ON sci_alt USING masstree (a, b) INCLUDE (c);
ALTER TABLE sci_alt ALTER a TYPE numeric USING a / 3.0;
SELECT same_rows('SELECT a, b, c FROM sci_alt WHERE a > 1 ORDER BY a, b', 'sci_alt_ab');
ALTER TABLE sci_alt ALTER c TYPE text USING 'c' || c;
SELECT same_rows('SELECT a, b, c FROM sci_alt WHERE a > 1 ORDER BY a, b', 'sci_alt_ab');
CREATE TABLE sci_like (LIKE sci_alt INCLUDING INDEXES);
SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'sci_like'::regclass;
ALTER TABLE sci_alt DROP c;
SELECT count(*) FROM pg_class WHERE relname = 'sci_alt_ab';
