-- CREATE INDEX over rows that are there, and rows that come later, duplicates
-- and NULLs included: the index has every one of them, once.
CREATE TABLE build (id int, t text COLLATE "C", n int);
INSERT INTO build
  SELECT g, md5((g / 3)::text), g % 7 FROM generate_series(1, 9000) g;
INSERT INTO build SELECT g, NULL, NULL FROM generate_series(9001, 9100) g;
INSERT INTO build VALUES (9101, '', 0);

CREATE INDEX build_t ON build USING masstree (t);
CREATE INDEX build_n ON build USING masstree (n);
SELECT same_rows('SELECT id, t FROM build WHERE t >= ''''', 'build_t');
SELECT same_rows('SELECT id FROM build WHERE t IS NULL', 'build_t');
SELECT same_rows('SELECT id FROM build WHERE n = 3', 'build_n');
SELECT masstree_check('build_t', true);
SELECT masstree_check('build_n', true);

-- later rows
INSERT INTO build SELECT g, md5((g / 3)::text), g % 7 FROM generate_series(10000, 14000) g;
INSERT INTO build VALUES (20000, NULL, NULL), (20001, '', NULL), (20002, md5('1'), 3);
SELECT same_rows('SELECT id, t FROM build WHERE t >= ''''', 'build_t');
SELECT same_rows('SELECT id FROM build WHERE t IS NULL', 'build_t');
SELECT same_rows('SELECT id FROM build WHERE t = md5(''1'')', 'build_t');
SELECT same_rows('SELECT id FROM build WHERE n = 3', 'build_n');
SELECT same_rows('SELECT id FROM build WHERE n IS NULL', 'build_n');
SELECT masstree_check('build_t', true);
SELECT masstree_check('build_n', true);

-- an index on an empty table
CREATE TABLE build_empty (t text COLLATE "C");
CREATE INDEX build_empty_t ON build_empty USING masstree (t);
SELECT same_rows('SELECT * FROM build_empty WHERE t >= ''a'' ORDER BY t', 'build_empty_t');
INSERT INTO build_empty VALUES ('b'), (NULL), ('a');
SELECT same_rows('SELECT * FROM build_empty WHERE t >= ''a'' ORDER BY t', 'build_empty_t');
DELETE FROM build_empty;
SELECT same_rows('SELECT * FROM build_empty WHERE t >= ''a'' ORDER BY t', 'build_empty_t');

-- a sort that does not fit into memory, many rows of few keys
SET maintenance_work_mem = '1MB';
CREATE TABLE build_big AS SELECT g AS id, lpad((g * 7919 % 50021)::text, 40, 'x') COLLATE "C" AS t, g % 5 AS n
  FROM generate_series(1, 60000) g;
CREATE INDEX build_big_t ON build_big USING masstree (t);
CREATE INDEX build_big_n ON build_big USING masstree (n);
RESET maintenance_work_mem;
SELECT masstree_check('build_big_t', true);
SELECT masstree_check('build_big_n', true);
SELECT same_rows('SELECT id FROM build_big WHERE n = 4', 'build_big_n');
SELECT same_rows('SELECT t FROM build_big WHERE t > ''xxx'' ORDER BY t', 'build_big_t');
