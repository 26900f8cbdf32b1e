-- int4 and int8 keys are compared with int4 and int8 values, out of range ones
-- included, as btree does.
CREATE TABLE ints (id serial, i int4, b int8);
INSERT INTO ints (i, b) SELECT g - 500, (g - 500) * 10000000000 FROM generate_series(1, 1000) g;
INSERT INTO ints (i, b) VALUES (NULL, NULL), (2147483647, 9223372036854775807), (-2147483648, -9223372036854775808),
  (2147483646, 2147483647), (-2147483647, 2147483648), (0, -2147483648), (-1, -2147483649);
CREATE INDEX ints_i ON ints USING masstree (i);
CREATE INDEX ints_b ON ints USING masstree (b);
VACUUM ANALYZE ints;
CREATE TABLE ints_value (v text);
INSERT INTO ints_value VALUES ('0'), ('-1'), ('2147483647'), ('-2147483648'), ('2147483648'), ('-2147483649'),
  ('10000000000'), ('9223372036854775807'), ('-9223372036854775808');
SELECT op, v, same_rows(format('SELECT id FROM ints WHERE i %s %L::int8', op, v), 'ints_i') AS int4_by_int8,
       same_rows(format('SELECT id FROM ints WHERE b %s %L::int8', op, v), 'ints_b') AS int8_by_int8
  FROM ints_value, unnest(ARRAY['<', '<=', '=', '>=', '>']) op ORDER BY op COLLATE "C", v COLLATE "C";
SELECT op, v, same_rows(format('SELECT id FROM ints WHERE i %s %L::int4', op, v), 'ints_i') AS int4_by_int4,
       same_rows(format('SELECT id FROM ints WHERE b %s %L::int4', op, v), 'ints_b') AS int8_by_int4
  FROM ints_value, unnest(ARRAY['<', '<=', '=', '>=', '>']) op
  WHERE v::int8 BETWEEN -2147483648 AND 2147483647 ORDER BY op COLLATE "C", v COLLATE "C";
SELECT same_rows('SELECT i FROM ints WHERE i > -3000000000 AND i < 10::int8 ORDER BY i', 'ints_i');
SELECT same_rows('SELECT b FROM ints WHERE b >= 5 AND b <= 20000000000 ORDER BY b DESC', 'ints_b');
SELECT same_rows('SELECT id FROM ints WHERE i >= 3000000000', 'ints_i', 'bitmap');
SELECT masstree_check('ints_i', true);
SELECT masstree_check('ints_b', true);
-- joins across the types
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SELECT same_rows('SELECT x.id, y.i FROM ints x JOIN ints y ON y.i = x.b', 'ints_i');
SELECT same_rows('SELECT x.id, y.b FROM ints x JOIN ints y ON y.b = x.i', 'ints_b');
SELECT same_rows('SELECT x.id, (SELECT count(*) FROM ints y WHERE y.i < x.b) FROM ints x', 'ints_i');
