-- Index-only scans return what the table has: key columns from the key, columns of
-- INCLUDE from what follows it.
CREATE TYPE inc_pair AS (x int, y text);
CREATE TYPE inc_mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE inc (id serial, a int, b text COLLATE "C", c bytea,
  f float8, num numeric, j jsonb, arr int[], nam name, ch "char", flag boolean, u uuid,
  iv interval, bp char(8), pair inc_pair, mood inc_mood, big text, s smallint, bi bigint, tz timetz);
INSERT INTO inc (a, b, c, f, num, j, arr, nam, ch, flag, u, iv, bp, pair, mood, big, s, bi, tz)
  SELECT g % 40, CASE WHEN g % 9 = 0 THEN NULL ELSE substr(md5(g::text), 1, g % 7) END, decode(md5(g::text), 'hex'),
    CASE g % 4 WHEN 0 THEN 0.0 WHEN 1 THEN '-0.0'::float8 WHEN 2 THEN 'NaN' ELSE g / 7.0 END,
    (g % 3)::numeric + (ARRAY[0, 0.0, 0.00, 0.000]::numeric[])[1 + g % 4], jsonb_build_object('g', g, 't', repeat('j', g % 30)),
    CASE WHEN g % 5 <> 0 THEN ARRAY[g, NULL, g % 3] END, 'name' || g, chr(65 + g % 26)::"char", g % 2 = 0,
    md5(g::text)::uuid, make_interval(months => g % 5, hours => g), repeat('x', g % 9), ROW(g, 'y' || g)::inc_pair,
    (ARRAY['sad', 'ok', 'happy'])[1 + g % 3]::inc_mood,
    CASE WHEN g % 100 = 0 THEN (SELECT string_agg(md5((g * x)::text), '') FROM generate_series(1, 700) x)
         WHEN g % 50 = 0 THEN repeat('compressible', 2000) ELSE g::text END,
    g % 100, g * 1000000007::bigint, '12:00:00+02'::timetz + make_interval(mins => g % 60)
  FROM generate_series(1, 800) g;
CREATE INDEX inc_a ON inc USING masstree (a) INCLUDE (b, c, f, num, j, arr, nam, ch, flag, u, iv, bp, pair, mood, s, bi, tz);
CREATE INDEX inc_b ON inc USING masstree (b DESC) INCLUDE (big);
CREATE INDEX inc_id ON inc USING masstree (id);
CREATE INDEX inc_cb ON inc USING masstree (c DESC, b NULLS FIRST, bi);
VACUUM ANALYZE inc;
-- as built, and as inserted row by row
SELECT masstree_check('inc_a', true), masstree_check('inc_b', true), masstree_check('inc_cb', true);
INSERT INTO inc (a, b, c, f, num, j, arr, nam, ch, flag, u, iv, bp, pair, mood, big, s, bi, tz)
  SELECT a + 100, b, c, f, num, j, arr, nam, ch, flag, u, iv, bp, pair, mood, big, s, bi, tz FROM inc WHERE id % 4 = 0;
UPDATE inc SET f = -f, num = num + 0.0, big = big || '', flag = NULL WHERE id % 7 = 0;
INSERT INTO inc DEFAULT VALUES;
VACUUM inc;
SELECT masstree_check('inc_a', true), masstree_check('inc_b', true), masstree_check('inc_cb', true);

SELECT same_rows('SELECT a, b, c, f, num, j, arr, nam, ch, flag, u, iv, bp, pair, mood, s, bi, tz FROM inc WHERE a = 7', 'inc_a');
SELECT same_rows('SELECT a, b, c, f, num, j, arr, nam, ch, flag, u, iv, bp, pair, mood, s, bi, tz FROM inc WHERE a > 12', 'inc_a');
SELECT same_rows('SELECT a, num, f FROM inc WHERE a IS NULL OR a < 0', 'inc_a', 'bitmap');
SELECT same_rows('SELECT a, num, f FROM inc WHERE a IS NULL', 'inc_a');
SELECT same_rows('SELECT a FROM inc WHERE a = ANY (''{3,7,120,3}'') ORDER BY a DESC', 'inc_a');
SELECT same_rows('SELECT a, f::text, num::text, bp, tz FROM inc WHERE a IN (3, 7, 120)', 'inc_a');
SELECT same_rows('SELECT b, length(big), md5(big) FROM inc WHERE b >= ''3''', 'inc_b');
SELECT same_rows('SELECT b, big FROM inc WHERE b LIKE ''a%''', 'inc_b');
SELECT same_rows('SELECT b, big FROM inc WHERE b LIKE ''_a%''', 'inc_b');
SELECT same_rows('SELECT b FROM inc ORDER BY b DESC', 'inc_b');
SELECT same_rows('SELECT b FROM inc WHERE b IS NOT NULL ORDER BY b', 'inc_b');
SELECT same_rows('SELECT id FROM inc WHERE id BETWEEN 100 AND 300 ORDER BY id DESC', 'inc_id');
SELECT same_rows('SELECT id FROM inc WHERE id = 77', 'inc_id');
SELECT same_rows('SELECT c, b, bi FROM inc ORDER BY c DESC, b NULLS FIRST, bi', 'inc_cb');
SELECT same_rows('SELECT c, b, bi FROM inc WHERE bi > 400000000000 AND b > ''5'' ORDER BY c, b DESC NULLS LAST, bi DESC', 'inc_cb');
-- equal in the key, different to look at
SELECT same_rows('SELECT a, f, num FROM inc WHERE a = 108', 'inc_a');
-- a condition on a column of INCLUDE is a filter
SELECT same_rows('SELECT a, flag FROM inc WHERE a < 20 AND flag', 'inc_a');
-- no heap is read where all is visible
SET enable_seqscan = off;
SET enable_bitmapscan = off;
CREATE FUNCTION heap_fetches(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
    IF line ~ 'Heap Fetches' THEN
      RETURN line;
    END IF;
  END LOOP;
  RETURN 'none';
END $$;
BEGIN;
CREATE TEMP TABLE inc_temp (a int, b text);
INSERT INTO inc_temp SELECT g, g::text FROM generate_series(1, 100) g;
COMMIT;
CREATE INDEX inc_temp_a ON inc_temp USING masstree (a) INCLUDE (b);
VACUUM (FREEZE, ANALYZE) inc_temp;
SELECT heap_fetches('SELECT a, b FROM inc_temp WHERE a < 50');
-- cursors that turn round
SET enable_sort = off;
SELECT walk('SELECT a AS n FROM inc WHERE a BETWEEN 5 AND 110 ORDER BY a');
SELECT walk('SELECT a AS n FROM inc WHERE a = ANY (''{5,7,12,30}'') ORDER BY a DESC');
SELECT walk('SELECT id AS n FROM inc ORDER BY id');
-- rows go, and VACUUM comes, between two fetches
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT a, s FROM inc WHERE a >= 30 ORDER BY a;
MOVE 2 IN c;
DELETE FROM inc WHERE a IN (31, 32) AND id % 2 = 0;
SELECT count(*) FROM inc WHERE a >= 30;
MOVE ALL IN c;
MOVE BACKWARD 1 IN c;
ROLLBACK;
DELETE FROM inc WHERE id % 3 = 0;
VACUUM inc;
SELECT same_rows('SELECT a, f, num, j FROM inc WHERE a < 200', 'inc_a');
SELECT same_rows('SELECT b, big FROM inc WHERE b < ''5''', 'inc_b');
SELECT masstree_check('inc_a', true), masstree_check('inc_b', true);
SELECT count(DISTINCT ROW(f, num)::text) > 1 AS differ FROM inc WHERE a = 108;
-- merge joins over index-only scans
SET enable_hashjoin = off;
SET enable_nestloop = off;
SET enable_material = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM inc x JOIN inc y ON x.a = y.a;
SELECT count(*) FROM inc x JOIN inc y ON x.a = y.a;
RESET ALL;
SELECT count(*) FROM inc x JOIN inc y ON x.a = y.a;
-- after CREATE INDEX CONCURRENTLY and REINDEX
CREATE INDEX CONCURRENTLY inc_more ON inc USING masstree (num_nonnulls(a, b), a) INCLUDE (j, big);
SELECT masstree_check('inc_more', true);
REINDEX INDEX inc_a;
SELECT masstree_check('inc_a', true);
SELECT same_rows('SELECT a, f, num, j FROM inc WHERE a < 200', 'inc_a');
-- a value that no tree holds is refused by its length
CREATE TABLE inc_huge (a int, b text);
CREATE INDEX inc_huge_a ON inc_huge USING masstree (a) INCLUDE (b);
INSERT INTO inc_huge VALUES (1, repeat('x', 16777216));
INSERT INTO inc_huge VALUES (1, repeat('x', 16000000));
SELECT a, length(b) FROM inc_huge WHERE a = 1;
-- columns of INCLUDE have no operator class and no order
CREATE INDEX ON inc USING masstree (a) INCLUDE (b text_ops);
CREATE INDEX ON inc USING masstree (a) INCLUDE (b DESC);
