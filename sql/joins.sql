-- Every kind of join, with the index on either side and in every method.
CREATE TABLE jo (id int, t text COLLATE "C", n bigint);
CREATE TABLE ji (id int, t text COLLATE "C", n int);
INSERT INTO jo SELECT g, CASE WHEN g % 9 > 0 THEN 't' || g * 9 % 350 END, g % 40 FROM generate_series(1, 160) g;
INSERT INTO ji SELECT g, CASE WHEN g % 7 > 0 THEN 't' || g * 13 % 330 END, g * 3 % 200 FROM generate_series(1, 500) g;
CREATE INDEX jo_t ON jo USING masstree (t);
CREATE INDEX jo_n ON jo USING masstree (n);
CREATE INDEX ji_t ON ji USING masstree (t);
CREATE INDEX ji_n ON ji USING masstree (n DESC NULLS LAST);
ANALYZE jo, ji;
CREATE TABLE jo_query (name text, query text, index text);
INSERT INTO jo_query VALUES
  ('inner', 'SELECT jo.id, ji.id AS i FROM jo JOIN ji USING (t)', 'ji_t'),
  ('left', 'SELECT jo.id, ji.id AS i FROM jo LEFT JOIN ji ON ji.t = jo.t AND ji.n > 50', 'ji_t'),
  ('right', 'SELECT jo.id, ji.id AS i FROM ji RIGHT JOIN jo USING (t) WHERE jo.n < 30', 'ji_t'),
  ('full', 'SELECT jo.id, ji.id AS i FROM jo FULL JOIN ji ON ji.t = jo.t', 'ji_t'),
  ('semi', 'SELECT id FROM jo WHERE t IN (SELECT t FROM ji WHERE n < 100)', 'j[io]_t'),
  ('semi exists', 'SELECT id FROM jo WHERE EXISTS (SELECT FROM ji WHERE ji.t = jo.t)', 'ji_t'),
  ('anti', 'SELECT id FROM jo WHERE NOT EXISTS (SELECT FROM ji WHERE ji.t = jo.t)', 'ji_t'),
  ('anti left', 'SELECT jo.id FROM jo LEFT JOIN ji ON ji.t = jo.t WHERE ji.id IS NULL', 'ji_t'),
  ('across types', 'SELECT jo.id, ji.id AS i FROM jo JOIN ji ON ji.n = jo.n', 'ji_n'),
  ('three', 'SELECT a.id, b.id AS bi, c.id AS ci FROM jo a JOIN ji b ON b.t = a.t JOIN jo c ON c.n = b.n WHERE a.id < 60', 'j[io]_[tn]'),
  ('itself', 'SELECT a.id, b.id AS bi FROM ji a JOIN ji b ON a.t = b.t AND a.id < b.id WHERE a.n < 20', 'ji_t'),
  ('range', 'SELECT a.id, b.id AS bi FROM jo a JOIN ji b ON b.n BETWEEN a.n AND a.n + 1 WHERE a.id < 40', 'ji_n'),
  ('range across', 'SELECT a.id, b.id AS bi FROM jo a JOIN ji b ON b.t > a.t AND b.t < a.t || ''9'' WHERE a.id < 40', 'ji_t'),
  ('OR', 'SELECT a.id, b.id AS bi FROM jo a JOIN ji b ON b.t = a.t OR b.n = a.n WHERE a.id < 40 AND a.t > ''''', 'j[io]_t'),
  ('constants', 'SELECT a.id, b.id AS bi FROM jo a JOIN ji b ON b.t = a.t WHERE a.t = ''t99''', 'ji_t'),
  ('LATERAL', 'SELECT jo.id, l.id AS i FROM jo LEFT JOIN LATERAL (SELECT id FROM ji WHERE ji.t >= jo.t ORDER BY ji.t, ji.id LIMIT 2) l ON true', 'ji_t'),
  ('empty', 'SELECT jo.id, ji.id AS i FROM jo JOIN ji ON ji.t = jo.t WHERE jo.n > 1000', 'ji_t');

CREATE FUNCTION join_by(method text, mode text DEFAULT 'index') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  q jo_query;
BEGIN
  PERFORM set_config('enable_nestloop', CASE WHEN method = 'loop' THEN 'on' ELSE 'off' END, true),
          set_config('enable_mergejoin', CASE WHEN method = 'merge' THEN 'on' ELSE 'off' END, true),
          set_config('enable_hashjoin', CASE WHEN method = 'hash' THEN 'on' ELSE 'off' END, true);
  FOR q IN SELECT * FROM jo_query ORDER BY ctid LOOP
    RETURN NEXT q.name || ': ' || same_rows(q.query, q.index, mode);
  END LOOP;
END $$;
SELECT join_by('loop');
SELECT join_by('loop', 'bitmap');
SELECT join_by('merge');
-- the plans of three of them
SELECT set_mode('index');
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
EXPLAIN (COSTS OFF) SELECT jo.id, ji.id FROM jo LEFT JOIN ji ON ji.t = jo.t AND ji.n > 50;
EXPLAIN (COSTS OFF) SELECT id FROM jo WHERE NOT EXISTS (SELECT FROM ji WHERE ji.t = jo.t);
RESET enable_mergejoin;
SET enable_nestloop = off;
EXPLAIN (COSTS OFF) SELECT jo.id, ji.id FROM jo FULL JOIN ji ON ji.t = jo.t;
RESET ALL;
SET client_min_messages = warning;
-- results that are remembered (Memoize), and a side that is read again and again
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_bitmapscan = off;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM jo JOIN ji ON ji.n = jo.n;
SELECT count(*) FROM jo JOIN ji ON ji.n = jo.n;
RESET ALL;
SELECT count(*) FROM jo JOIN ji ON ji.n + 0 = jo.n + 0;
-- recursion: a tree whose parents are probed level by level
CREATE TABLE jt (id int, parent int, name text COLLATE "C");
INSERT INTO jt SELECT g, g / 3, 'n' || g FROM generate_series(1, 1500) g;
CREATE INDEX jt_parent ON jt USING masstree (parent);
ANALYZE jt;
SELECT same_rows('WITH RECURSIVE below AS (SELECT id, 0 AS depth FROM jt WHERE parent = 2
  UNION ALL SELECT jt.id, depth + 1 FROM below JOIN jt ON jt.parent = below.id) SELECT depth, count(*) FROM below GROUP BY depth', 'jt_parent');
-- parallel workers probe and read bitmaps together
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET min_parallel_index_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET enable_seqscan = off;
SET enable_indexscan = off;
EXPLAIN (COSTS OFF) SELECT count(*), sum(id) FROM ji WHERE n < 150;
SELECT count(*), sum(id) FROM ji WHERE n < 150;
RESET enable_seqscan;
RESET enable_indexscan;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_memoize = off;
SET enable_material = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT count(*), sum(ji.id) FROM jo JOIN ji ON ji.t = jo.t;
SELECT count(*), sum(ji.id) FROM jo JOIN ji ON ji.t = jo.t;
RESET ALL;
SELECT count(*), sum(id) FROM ji WHERE n + 0 < 150;
SELECT count(*), sum(ji.id) FROM jo JOIN ji ON ji.t || '' = jo.t || '';
