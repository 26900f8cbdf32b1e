-- = ANY (array) and its like: every row once, in the order of the index, both
-- ways, whatever is in the array.
CREATE TABLE arrays (id serial, n int, t text COLLATE "C", l text COLLATE "C.utf8");
INSERT INTO arrays (n, t, l)
  SELECT hashint4(g) % 500, substr(md5(g::text), 1, 2), substr(md5(g::text), 1, 2)
  FROM generate_series(1, 3000) g;
INSERT INTO arrays (n, t, l) SELECT NULL, NULL, NULL FROM generate_series(1, 5);
CREATE INDEX arrays_n ON arrays USING masstree (n);
CREATE INDEX arrays_t ON arrays USING masstree (t DESC);
CREATE INDEX arrays_l ON arrays USING masstree (l);
VACUUM ANALYZE arrays;

-- repeated and unsorted elements, NULLs, none at all
SELECT same_rows('SELECT n FROM arrays WHERE n = ANY (''{7,3,7,-20,3,400,9999,NULL,0,-20}'') ORDER BY n', 'arrays_n');
SELECT same_rows('SELECT n FROM arrays WHERE n = ANY (''{7,3,7,-20,3,400,9999,NULL,0,-20}'') ORDER BY n DESC', 'arrays_n');
SELECT same_rows('SELECT id FROM arrays WHERE n = ANY (''{7,3,7,-20,3,400,9999,NULL,0,-20}'')', 'arrays_n', 'bitmap');
SELECT same_rows('SELECT t FROM arrays WHERE t IN (''ff'', ''00'', ''a'', ''a0'', ''ff'', ''7'') ORDER BY t', 'arrays_t');
SELECT same_rows('SELECT t FROM arrays WHERE t IN (''ff'', ''00'', ''a'', ''a0'', ''ff'', ''7'') ORDER BY t DESC', 'arrays_t');
SELECT same_rows('SELECT id FROM arrays WHERE l IN (''ff'', ''00'', ''a'', ''a0'', ''ff'', ''7'')', 'arrays_l');
SELECT same_rows('SELECT id FROM arrays WHERE n = ANY (''{}''::int[])', 'arrays_n');
SELECT same_rows('SELECT id FROM arrays WHERE n = ANY (''{NULL,NULL}''::int[])', 'arrays_n');
SELECT same_rows('SELECT id FROM arrays WHERE n = ANY (nullif(''{1}'', ''{1}'')::int[])', 'arrays_n');
SELECT same_rows('SELECT id FROM arrays WHERE n = ANY (''{{1,2},{3,NULL}}''::int[])', 'arrays_n');
-- elements of other types, some of them out of the column's
SELECT same_rows('SELECT n FROM arrays WHERE n = ANY (''{5,99999999999,-7,5}''::bigint[]) ORDER BY n', 'arrays_n');
SELECT same_rows('SELECT n FROM arrays WHERE n = ANY (''{5,-7,5}''::smallint[]) ORDER BY n', 'arrays_n');
SELECT same_rows('SELECT n FROM arrays WHERE n < ANY (''{-480,-99999999999}''::bigint[]) ORDER BY n', 'arrays_n');
-- inequalities, where the ranges of the elements overlap
SELECT same_rows('SELECT n FROM arrays WHERE n < ANY (''{-490,NULL,-495}'') ORDER BY n', 'arrays_n');
SELECT same_rows('SELECT n FROM arrays WHERE n >= ANY (''{490,NULL,495}'') ORDER BY n DESC', 'arrays_n');
SELECT same_rows('SELECT n FROM arrays WHERE n > ANY (''{490,NULL,495}'') AND n <= ANY (''{480,494}'') ORDER BY n DESC', 'arrays_n');
SELECT same_rows('SELECT id FROM arrays WHERE n < ANY (''{NULL}''::int[])', 'arrays_n');
SELECT same_rows('SELECT t FROM arrays WHERE t LIKE ANY (''{0%,00%,f_,ab}'') ORDER BY t', 'arrays_t');
SELECT same_rows('SELECT id FROM arrays WHERE l ^@ ANY (''{0,00,f,e1}'')', 'arrays_l');
SELECT same_rows('SELECT id FROM arrays WHERE l > ANY (''{e,f}'')', 'arrays_l', 'bitmap');
-- with other conditions on the column, a second array among them
SELECT same_rows('SELECT n FROM arrays WHERE n = ANY (''{7,3,-20,400,12}'') AND n < 12 ORDER BY n', 'arrays_n');
SELECT same_rows('SELECT n FROM arrays WHERE n = ANY (''{7,3,-20,400,12}'') AND n = ANY (''{400,3,8,3}'') ORDER BY n DESC', 'arrays_n');
SELECT same_rows('SELECT n FROM arrays WHERE n = ANY (''{7,3}'') AND n = ANY (''{8}'')', 'arrays_n');
SELECT same_rows('SELECT n FROM arrays WHERE n = ANY (''{7,3}'') AND n = 3', 'arrays_n');
SELECT same_rows('SELECT n FROM arrays WHERE n = ANY (''{7,3}'') AND n IS NOT NULL', 'arrays_n');
SELECT same_rows('SELECT n FROM arrays WHERE n = ANY (''{7,3}'') AND n IS NULL', 'arrays_n');
SELECT same_rows('SELECT n FROM arrays WHERE n = ANY (''{7,3}'') AND id % 2 = 0 ORDER BY n', 'arrays_n');
-- a LIMIT takes the first of them
SELECT same_rows('SELECT n FROM arrays WHERE n = ANY (''{400,7,3,-20}'') ORDER BY n LIMIT 9', 'arrays_n');
SELECT same_rows('SELECT n FROM arrays WHERE n = ANY (''{400,7,3,-20}'') ORDER BY n DESC LIMIT 9 OFFSET 3', 'arrays_n');

-- random arrays, all operators
CREATE FUNCTION check_arrays() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  op text;
  query text;
  result text;
BEGIN
  FOR i IN 1..60 LOOP
    op := (ARRAY['=', '=', '=', '<', '<=', '>=', '>'])[1 + i % 7];
    query := format('SELECT n FROM arrays WHERE n %s ANY (%L::int[]) AND n %s %s ORDER BY n %s', op,
      (SELECT array_agg(nullif(hashint4(i * 1000 + g) % 600, 0)) FROM generate_series(1, 1 + i * i % 50) g),
      (ARRAY['<', '<=', '>=', '>'])[1 + i % 4], hashint4(i) % 400, (ARRAY['ASC', 'DESC'])[1 + i % 2]);
    result := same_rows(query, 'arrays_n', CASE WHEN i % 5 = 0 THEN 'bitmap' ELSE 'index' END);
    IF result !~ 'same$' THEN
      RETURN NEXT query || ': ' || result;
    END IF;
  END LOOP;
END $$;
SELECT check_arrays();

-- 100,000 elements, most of them without a row
CREATE TABLE arrays_large AS SELECT array_agg((hashint4(g) % 1000000)) AS a FROM generate_series(1, 100000) g;
CREATE TABLE arrays_outer (id int, a int[]);
INSERT INTO arrays_outer SELECT g, CASE WHEN g % 7 <> 0 THEN ARRAY[g, g * 3, g, NULL, -g, 5] END FROM generate_series(1, 200) g;
VACUUM ANALYZE arrays_outer;
SELECT same_rows(format('SELECT n FROM arrays WHERE n = ANY (%L::int[]) ORDER BY n', a), 'arrays_n') FROM arrays_large;
SELECT same_rows(format('SELECT n FROM arrays WHERE n = ANY (%L::int[]) ORDER BY n DESC', a[:10000]), 'arrays_n') FROM arrays_large;
SELECT same_rows(format('SELECT id FROM arrays WHERE n = ANY (%L::int[])', a[:10000]), 'arrays_n', 'bitmap') FROM arrays_large;
SELECT same_rows(format('SELECT count(*) FROM arrays WHERE n < ANY (%L::int[])', a[:1000]), 'arrays_n') FROM arrays_large;

-- rescans with arrays from outside, NULL among them
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SET enable_memoize = off;
SELECT same_rows('SELECT o.id, i.n FROM arrays_outer o JOIN arrays i ON i.n = ANY (o.a)', 'arrays_n');
SELECT same_rows('SELECT o.id, i.n FROM arrays_outer o JOIN arrays i ON i.n = ANY (o.a)', 'arrays_n', 'bitmap');
SELECT same_rows('SELECT o.id, l.n FROM arrays_outer o,
  LATERAL (SELECT n FROM arrays WHERE n = ANY (o.a) ORDER BY n DESC LIMIT 3) l', 'arrays_n');
SELECT same_rows('SELECT o.id, l.n FROM arrays_outer o,
  LATERAL (SELECT n FROM arrays WHERE n = ANY (o.a) AND n > o.id ORDER BY n LIMIT 3) l', 'arrays_n');

-- cursors that turn round among the elements
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_sort = off;
SELECT walk('SELECT n FROM arrays WHERE n = ANY (''{400,7,3,-20,9999,100,101,102,7}'') ORDER BY n');
SELECT walk('SELECT n FROM arrays WHERE n = ANY (''{400,7,3,-20,9999,100,101,102,7}'') ORDER BY n DESC');
SELECT walk('SELECT n FROM arrays WHERE n = ANY ((SELECT array_agg(g * 3) FROM generate_series(-100, 100) g)::int[]) ORDER BY n');
SELECT walk('SELECT n FROM arrays WHERE n > ANY (''{480}'') AND n < ANY (''{490}'') ORDER BY n');

-- rows come and go, VACUUM between two fetches
BEGIN;
DECLARE c CURSOR FOR SELECT n FROM arrays WHERE n = ANY ('{450,451,452,453}') ORDER BY n;
MOVE 3 IN c;
DELETE FROM arrays WHERE n = 452;
INSERT INTO arrays (n) VALUES (451), (453);
SELECT count(*) FROM arrays WHERE n = ANY ('{450,451,452,453}');
MOVE ALL IN c;
COMMIT;
SELECT count(*) FROM arrays WHERE n = ANY ('{450,451,452,453}');
VACUUM arrays;
SELECT count(*) FROM arrays WHERE n = ANY ('{450,451,452,453}');

-- bitmaps are exact, but where a row must be compared again
CREATE FUNCTION bitmap_is_exact(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  line text;
  exact boolean := false;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
    exact := exact OR line ~ 'Heap Blocks: exact';
    IF line ~ 'lossy|Rows Removed' THEN
      RETURN false;
    END IF;
  END LOOP;
  RETURN exact;
END $$;
SET enable_bitmapscan = on;
SET enable_indexscan = off;
SELECT bitmap_is_exact('SELECT id FROM arrays WHERE n = ANY (''{7,3,-20,400}'') AND n < 100');
