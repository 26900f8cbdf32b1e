-- Arrays: element by element, NULL last; then the shorter first, then the shape.  Each type
-- of elements by its own order.
SELECT setseed(0.4);
-- what every list of values has: all shapes of few elements
CREATE FUNCTION shapes(elements text[], type text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format($q$
    WITH e(x) AS (SELECT unnest($1)),
      plain(a) AS (SELECT '{}'::%1$s[] UNION ALL SELECT ARRAY[x]::%1$s[] FROM e
        UNION ALL SELECT ARRAY[a.x, b.x]::%1$s[] FROM e a, e b
        UNION ALL SELECT ARRAY[a.x, b.x, c.x, d.x]::%1$s[] FROM e a, e b, e c, e d WHERE random() < 0.02)
    SELECT a::text FROM plain
    UNION ALL SELECT array_fill(a[1], ARRAY[2])::text FROM plain WHERE cardinality(a) = 1
    UNION ALL SELECT array_fill(a[1], ARRAY[cardinality(a)], ARRAY[l])::text FROM plain, unnest(ARRAY[-2147483648, -7, 0, 2, 300]) l
      WHERE cardinality(a) IN (1, 2)
    UNION ALL SELECT array_fill(a[1], d)::text FROM plain, (VALUES ('{1,1}'::int[]), ('{1,2}'), ('{2,1}'), ('{2,2}'), ('{4,1}'),
        ('{1,4}'), ('{1,1,1}'), ('{1,2,2}'), ('{2,2,1}'), ('{1,1,1,1,1,1}')) s(d) WHERE cardinality(a) = 1
    UNION ALL SELECT ARRAY[a, a]::text FROM plain WHERE cardinality(a) = 4 AND random() < 0.2
    UNION ALL SELECT array_fill(a[1], '{2,2}', ARRAY[l, m])::text FROM plain, unnest(ARRAY[-1, 1, 2]) l, unnest(ARRAY[-1, 1, 2]) m
      WHERE cardinality(a) = 1$q$, type) USING elements;
END $$;

\pset format unaligned
\pset tuples_only on
SELECT check_type('int4[]', $$SELECT shapes('{NULL,0,1,-1,255,256,-256,2147483647,-2147483648}', 'int4')::int4[]$$);
SELECT check_type('text[] COLLATE "C"', $$SELECT shapes(ARRAY[NULL, '', 'a', 'ab', 'a ', 'NULL', E'\x01', E'\x02', E'\x03', E'a\x01', 'é', 'é!'], 'text')::text[]$$);
SELECT check_type('float8[]', $$SELECT shapes('{NULL,0,-0,1,-1,NaN,Infinity,-Infinity,1e-300,-1e300}', 'float8')::float8[]$$);
SELECT check_type('numeric[]', $$SELECT shapes('{NULL,0,0.00,1,1.0,-1,NaN,Infinity,-Infinity,1e100,-1.01,10000}', 'numeric')::numeric[]$$);
SELECT check_type('timestamptz[]', $$SELECT shapes('{NULL,2000-01-01,1999-12-31 23:59:59.999999,infinity,-infinity,1900-01-01}', 'timestamptz')::timestamptz[]$$);
SELECT check_type('inet[]', $$SELECT shapes('{NULL,10.0.0.1,10.0.0.0/8,0.0.0.0/0,::,::1/64,255.255.255.255}', 'inet')::inet[]$$);
SELECT check_type('bytea[]', $$SELECT shapes('{NULL,"\\x","\\x00","\\x0000","\\x00ff","\\x01","\\xff","\\xff00","\\x0001"}', 'bytea')::bytea[]$$);
SELECT check_type('varbit[]', $$SELECT shapes('{NULL,"",0,1,00000000,000000000,11111111}', 'varbit')::varbit[]$$);
SELECT check_type('bool[]', $$SELECT shapes('{NULL,t,f}', 'bool')::bool[]$$);
SELECT check_type('interval[]', $$SELECT shapes('{NULL,1 month,30 days,720 hours,-1 day}', 'interval')::interval[]$$);
SELECT check_type('bpchar[] COLLATE "C"', $$SELECT shapes(ARRAY[NULL, '', ' ', 'a', 'a ', 'a b', E'a\x01'], 'bpchar')::bpchar[]$$);
SELECT check_type('varchar(8)[] COLLATE "C"', $$SELECT shapes(ARRAY[NULL, '', 'b', 'ba', 'B'], 'varchar')::varchar(8)[]$$);
SELECT check_type('name[]', $$SELECT shapes(ARRAY[NULL, '', 'b', 'ba', 'B'], 'name')::name[]$$);
SELECT check_type('cidr[]', $$SELECT shapes('{NULL,10.0.0.0/8,10.0.0.0/16,::/0}', 'cidr')::cidr[]$$);
SELECT check_type('uuid[]', $$SELECT ARRAY(SELECT md5((g * i % 5)::text)::uuid FROM generate_series(1, g % 4) i) FROM generate_series(1, 60) g$$);
-- under ICU, where strings that are equal may look different
CREATE COLLATION array_ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
SELECT check_type('text[] COLLATE "sv-x-icu"', $$SELECT shapes(ARRAY[NULL, '', 'a', 'A', 'ä', 'z', 'ab', 'a b', E'a\x01'], 'text')::text[]$$);
CREATE TABLE beyond AS SELECT ARRAY[repeat('y', 17000000)] AS a;
CREATE TABLE few AS SELECT id, v FROM typed WHERE id < 6;
CREATE INDEX few_v ON few USING masstree (v);
ANALYZE few;
SELECT same_rows('SELECT id FROM few WHERE v < (SELECT a FROM beyond)', 'few_v');
SELECT check_type('text[] COLLATE array_ci', $$SELECT shapes(ARRAY[NULL, '', 'a', 'A', 'aa', 'Aa', 'b'], 'text')::text[]$$);
SELECT same_rows('SELECT id, v FROM typed WHERE v = ''{a,AA}''', 'typed_v');
\pset tuples_only off
\pset format aligned

-- What the encodings lose comes back, the shape too; and two rows that are equal but
-- look different each have their own.
CREATE TABLE lost (id int, f float8[], n numeric[], i int[]);
INSERT INTO lost VALUES (1, '{0,-0}', '{1.0,1.00}', '{1,2}'), (2, '{-0,0}', '{1,1}', '[0:1]={1,2}'), (3, '{NaN}', '{NaN,0.000}', '{{1,2}}'),
  (4, '{}', '{}', '{}'), (5, NULL, NULL, NULL), (6, '{NULL}', '{NULL}', '{NULL,NULL}'), (7, '[5:5]={-0}', '[-3:-3]={0.0}', '[2:2][3:4]={{1,2}}'),
  (8, '{-0,-0}', '{1.000,1}', (ARRAY[1, 2, NULL])[1:2]);
CREATE INDEX lost_f ON lost USING masstree (f);
CREATE INDEX lost_n ON lost USING masstree (n);
CREATE INDEX lost_i ON lost USING masstree (i DESC);
INSERT INTO lost SELECT id + 10, f, n, i FROM lost;
VACUUM ANALYZE lost;
SELECT same_rows('SELECT f FROM lost WHERE f = ''{0,0}''', 'lost_f');
SELECT same_rows('SELECT n FROM lost WHERE n = ''{1,1}''', 'lost_n');
SELECT same_rows('SELECT i FROM lost WHERE i <= ''{1,2}''', 'lost_i');
SELECT same_rows('SELECT i, s *= s2 AS same FROM (SELECT i, ROW(i) AS s, ROW((ARRAY[1, 2, NULL])[1:2]) AS s2 FROM lost WHERE i = ''{1,2}'' OFFSET 0) q', 'lost_i');
SELECT same_rows('SELECT i FROM lost WHERE i = ''[0:1]={1,2}''', 'lost_i');
CREATE INDEX lost_all ON lost USING masstree (n, f DESC, i) INCLUDE (id);
SELECT same_rows('SELECT n, f, i, id FROM lost WHERE n < ''{2}''', 'lost_all');
SET enable_seqscan = off;
SET enable_sort = off;
EXPLAIN (COSTS OFF) SELECT i FROM lost ORDER BY i;
SELECT i FROM lost ORDER BY i;
RESET enable_sort;
RESET enable_seqscan;
SELECT masstree_check('lost_f', true), masstree_check('lost_n', true), masstree_check('lost_i', true), masstree_check('lost_all', true);

-- One column of several, up and down, NULLs first and last.
CREATE TABLE tagged AS SELECT g AS id, g % 7 AS a,
    CASE g % 11 WHEN 0 THEN NULL ELSE ARRAY(SELECT CASE WHEN (g + i) % 9 = 0 THEN NULL ELSE chr(97 + (g * i) % 5) || repeat('x', i % 3) END
      FROM generate_series(1, g % 5) i) END COLLATE "C" AS tags,
    CASE g % 13 WHEN 0 THEN NULL ELSE (ARRAY[g % 3, g % 4, NULL])[1:g % 4] END AS n
  FROM generate_series(1, 3000) g;
CREATE INDEX tagged_a ON tagged USING masstree (a, tags, n DESC);
CREATE INDEX tagged_tags ON tagged USING masstree (tags DESC NULLS LAST, n NULLS FIRST, a);
VACUUM ANALYZE tagged;
SELECT same_rows('SELECT id FROM tagged WHERE a = 3 AND tags > ''{b}'' AND tags < ''{cx,d}''', 'tagged_a');
SELECT same_rows('SELECT id FROM tagged WHERE a IN (2, 5) AND tags = ''{}''', 'tagged_a');
SELECT same_rows('SELECT a, tags, n FROM tagged WHERE a > 4 ORDER BY a, tags, n DESC', 'tagged_a');
SELECT same_rows('SELECT a, tags, n FROM tagged WHERE a > 4 ORDER BY a DESC, tags DESC, n', 'tagged_a');
SELECT same_rows('SELECT tags, n, a FROM tagged ORDER BY tags DESC NULLS LAST, n NULLS FIRST, a', 'tagged_tags');
SELECT same_rows('SELECT tags, n, a FROM tagged WHERE tags >= ''{c,NULL}'' AND n IS NULL', 'tagged_tags');
SELECT same_rows('SELECT id FROM tagged WHERE tags IN (''{bx}'', ''{cx,NULL}'', NULL, ''{c}'') OR tags = ''{NULL}''', 'tagged_tags', 'bitmap');
SELECT same_rows('SELECT id FROM tagged WHERE tags IS NULL AND n > ''{1}''', 'tagged_tags');
SELECT same_rows('SELECT a.id, b.id AS b FROM tagged a JOIN tagged b ON a.tags = b.tags WHERE a.id < 30', 'tagged_tags');
DELETE FROM tagged WHERE id % 3 = 0;
UPDATE tagged SET tags = tags || 'é'::text WHERE id % 5 = 0;
VACUUM tagged;
SELECT same_rows('SELECT tags, n, a FROM tagged ORDER BY tags DESC NULLS LAST, n NULLS FIRST, a', 'tagged_tags');
SELECT masstree_check('tagged_a', true), masstree_check('tagged_tags', true);
-- columns of INCLUDE may be arrays of anything, and expressions may make keys
CREATE INDEX tagged_upper ON tagged USING masstree ((string_to_array(repeat('é,', a) || 'z', ',') COLLATE "C"));
ANALYZE tagged;
SELECT same_rows('SELECT id FROM tagged WHERE string_to_array(repeat(''é,'', a) || ''z'', '','') = ''{é,é,z}''::text[] COLLATE "C"', 'tagged_upper');
-- an array that a function hands out expanded
CREATE FUNCTION expanded(n int) RETURNS int[] LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  a int[] := '{}';
BEGIN
  FOR i IN 1 .. n LOOP
    a[i] := i;
  END LOOP;
  RETURN a;
END $$;
CREATE INDEX tagged_expanded ON tagged USING masstree (expanded(a));
INSERT INTO tagged VALUES (-1, 4), (-2, 0);
ANALYZE tagged;
SELECT same_rows('SELECT id FROM tagged WHERE expanded(a) = expanded(4)', 'tagged_expanded');
SELECT same_rows('SELECT id FROM tagged WHERE expanded(a) < ''{1,2}''', 'tagged_expanded', 'bitmap');
SELECT masstree_check('tagged_expanded', true);

-- Large ones: compressed, out of line, and equal but for the last element.
CREATE TABLE large (id int, a int[], t text[] COLLATE "C");
ALTER TABLE large ALTER t SET STORAGE external;
INSERT INTO large SELECT k, ARRAY(SELECT g % 100 FROM generate_series(1, 99999) g) || k, ARRAY(SELECT md5(g::text) FROM generate_series(1, 2000) g) || k::text
  FROM generate_series(1, 4) k;
INSERT INTO large SELECT 10, ARRAY(SELECT g % 100 FROM generate_series(1, 99999) g), ARRAY(SELECT md5(g::text) FROM generate_series(1, 2000) g);
CREATE INDEX large_a ON large USING masstree (a);
CREATE INDEX large_t ON large USING masstree (t, id);
INSERT INTO large SELECT 20, a || NULL::int, t || NULL::text FROM large WHERE id = 10;
VACUUM ANALYZE large;
SELECT same_rows('SELECT id FROM large WHERE a > (SELECT a FROM large WHERE id = 2) ORDER BY a', 'large_a');
SELECT same_rows('SELECT md5(a::text) AS m FROM large WHERE a <= (SELECT a FROM large WHERE id = 2)', 'large_a');
SELECT same_rows('SELECT id FROM large WHERE t = (SELECT t FROM large WHERE id = 3)', 'large_t');
SELECT same_rows('SELECT id, md5(t::text) AS m FROM large WHERE t > ''{}'' ORDER BY t, id', 'large_t');
SELECT masstree_check('large_a', true), masstree_check('large_t', true);
INSERT INTO large (id, t) SELECT 30, a FROM beyond;
SELECT same_rows('SELECT id FROM large WHERE t < (SELECT a FROM beyond)', 'large_t');

-- dimensions without elements, which only a cast makes
CREATE TABLE hollow (a int2[]);
INSERT INTO hollow VALUES ('{}'), (''::int2vector::int2[]), ('{1}'), ('1'::int2vector::int2[]), ('[2:2]={1}'), ('{NULL}');
CREATE INDEX hollow_a ON hollow USING masstree (a);
INSERT INTO hollow SELECT * FROM hollow;
VACUUM ANALYZE hollow;
SELECT same_rows('SELECT a, array_ndims(a) AS n FROM hollow ORDER BY a', 'hollow_a');
SELECT same_rows('SELECT a, array_ndims(a) AS n FROM hollow WHERE a = ''''::int2vector::int2[]', 'hollow_a');
SELECT same_rows('SELECT a, array_ndims(a) AS n FROM hollow WHERE a <= ''1''::int2vector::int2[]', 'hollow_a');
SELECT masstree_check('hollow_a', true);

-- Domains: over an array, as elements, and both.
CREATE DOMAIN small AS int CHECK (VALUE < 100);
CREATE DOMAIN smalls AS small[] CHECK (cardinality(VALUE) < 5);
CREATE TABLE domained_arrays AS SELECT g AS id, ARRAY[g % 20, g % 3]::small[] AS e, ARRAY[g % 20, g % 3]::smalls AS a,
  ARRAY[ARRAY[g % 20, g % 3]::smalls, CASE g % 4 WHEN 0 THEN NULL ELSE '{}' END::smalls] AS n FROM generate_series(1, 300) g;
CREATE INDEX domained_arrays_e ON domained_arrays USING masstree (e);
CREATE INDEX domained_arrays_a ON domained_arrays USING masstree (a);
CREATE INDEX domained_arrays_n ON domained_arrays USING masstree (n);
VACUUM ANALYZE domained_arrays;
SELECT same_rows('SELECT e FROM domained_arrays WHERE e > ''{3,1}'' ORDER BY e', 'domained_arrays_e');
SELECT same_rows('SELECT a FROM domained_arrays WHERE a = ''{3,1}''::small[]', 'domained_arrays_a');
SELECT same_rows('SELECT a FROM domained_arrays ORDER BY a DESC', 'domained_arrays_a');
SELECT same_rows('SELECT n FROM domained_arrays WHERE n <= ''{"{3,1}",NULL}''::smalls[] ORDER BY n', 'domained_arrays_n');
SELECT masstree_check('domained_arrays_e', true), masstree_check('domained_arrays_a', true), masstree_check('domained_arrays_n', true);

-- Elements without an order here are refused.
CREATE TYPE array_mood AS ENUM ('sad', 'happy');
CREATE DOMAIN array_mood_domain AS array_mood;
CREATE COLLATION array_libc (provider = libc, locale = 'C.UTF-8');
CREATE TABLE refused (e array_mood[], d array_mood_domain[], l text[] COLLATE array_libc, b bpchar[] COLLATE array_libc, p point[], j jsonb[], r int4range[], v int2vector, i int[]);
CREATE INDEX ON refused USING masstree (e);
CREATE INDEX ON refused USING masstree (d);
CREATE INDEX ON refused USING masstree (l);
CREATE INDEX ON refused USING masstree (b);
CREATE INDEX ON refused USING masstree (p);
CREATE INDEX ON refused USING masstree (j);
CREATE INDEX ON refused USING masstree (r);
CREATE INDEX ON refused USING masstree (v);
CREATE INDEX ON refused USING masstree (i) INCLUDE (e, l, p);
CREATE INDEX ON refused USING masstree (l COLLATE "C");
ALTER TABLE refused ALTER i TYPE array_mood[] USING NULL;
-- not for arrays: what looks into them
CREATE INDEX tagged_n ON tagged USING masstree (n);
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM tagged WHERE n @> '{1}';
EXPLAIN (COSTS OFF) SELECT id FROM tagged WHERE 1 = ANY (n);
RESET enable_seqscan;
