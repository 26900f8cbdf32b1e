-- Everything in a query that wants rows in order takes them from the index: DISTINCT,
-- GROUP BY, windows, set operations, appended tables, LIMIT in all its forms.
CREATE TABLE ord (id int, t text COLLATE "C", n int);
CREATE TABLE ord_2 (id int, t text COLLATE "C", n int);
INSERT INTO ord SELECT g, 't' || g * 7919 % 300, g * 31 % 97 FROM generate_series(1, 2000) g;
INSERT INTO ord_2 SELECT g, 't' || g * 7919 % 500, g * 37 % 101 FROM generate_series(1, 1500) g;
INSERT INTO ord VALUES (0, NULL, NULL);
INSERT INTO ord_2 VALUES (0, NULL, NULL), (0, NULL, NULL);
CREATE INDEX ord_t ON ord USING masstree (t);
CREATE INDEX ord_n ON ord USING masstree (n DESC);
CREATE INDEX ord_2_t ON ord_2 USING masstree (t);
CREATE INDEX ord_2_n ON ord_2 USING masstree (n DESC);
ANALYZE ord, ord_2;
SET enable_hashagg = off;
SELECT set_mode('index');
EXPLAIN (COSTS OFF) SELECT DISTINCT t FROM ord WHERE t > 't2';
EXPLAIN (COSTS OFF) SELECT n, count(*) FROM ord GROUP BY n ORDER BY n DESC;
EXPLAIN (COSTS OFF) SELECT t FROM ord UNION ALL SELECT t FROM ord_2 ORDER BY t LIMIT 10;
EXPLAIN (COSTS OFF) SELECT DISTINCT ON (t) t, n FROM ord ORDER BY t, n;
EXPLAIN (COSTS OFF) SELECT t, rank() OVER (ORDER BY t) FROM ord WHERE t < 't2';
SELECT reset_mode();
SELECT same_rows('SELECT DISTINCT t FROM ord WHERE t > ''t2''', 'ord_t');
SELECT same_rows('SELECT DISTINCT ON (t) t FROM ord ORDER BY t', 'ord_t');
SELECT same_rows('SELECT DISTINCT ON (t) t, n FROM ord ORDER BY t, n', 'ord_t');
SELECT same_rows('SELECT DISTINCT ON (n) n FROM ord ORDER BY n DESC', 'ord_n');
SELECT same_rows('SELECT n, count(*) FROM ord GROUP BY n ORDER BY n DESC', 'ord_n');
SELECT same_rows('SELECT t, min(id), max(n) FROM ord GROUP BY t HAVING count(*) > 6 ORDER BY t', 'ord_t');
SELECT same_rows('SELECT t, rank() OVER (ORDER BY t) FROM ord WHERE t < ''t2'' ORDER BY t', 'ord_t');
SELECT same_rows('SELECT n, sum(n) OVER (ORDER BY n DESC ROWS 3 PRECEDING) FROM ord WHERE n > 50 ORDER BY n DESC', 'ord_n');
SELECT same_rows('SELECT t, n FROM ord ORDER BY t, n', 'ord_t');
SELECT same_rows('SELECT n, t FROM ord ORDER BY n DESC, t DESC', 'ord_n');
-- appended
SELECT same_rows('SELECT t FROM ord UNION ALL SELECT t FROM ord_2 ORDER BY t', 'ord_2_t');
SELECT same_rows('SELECT n FROM ord UNION ALL SELECT n FROM ord_2 ORDER BY n DESC', 'ord_2_n');
SELECT same_rows('SELECT n FROM ord UNION ALL SELECT n FROM ord_2 ORDER BY n', 'ord_n');
SELECT same_rows('SELECT * FROM (SELECT t FROM ord UNION ALL SELECT t FROM ord_2) u WHERE t BETWEEN ''t2'' AND ''t3'' ORDER BY t', 'ord_t');
SELECT same_rows('SELECT * FROM (SELECT t FROM ord UNION ALL SELECT t FROM ord_2) u WHERE t = ''t77''', 'ord_2_t');
SELECT same_rows('SELECT min(t), max(t) FROM (SELECT t FROM ord UNION ALL SELECT t FROM ord_2) u', 'ord_t');
SELECT same_rows('SELECT t FROM ord WHERE t < ''t2'' UNION SELECT t FROM ord_2 WHERE t < ''t2'' ORDER BY t', 'ord_2_t');
SELECT same_rows('SELECT t FROM ord WHERE t < ''t2'' INTERSECT ALL SELECT t FROM ord_2 WHERE t < ''t2'' ORDER BY t', 'ord_t');
SELECT same_rows('SELECT t FROM ord WHERE t IS NOT NULL EXCEPT SELECT t FROM ord_2 WHERE t > ''t1'' ORDER BY t', 'ord_2_t');
-- LIMIT
SELECT same_rows('SELECT t FROM ord ORDER BY t LIMIT 0', 'ord_t');
SELECT same_rows('SELECT t FROM ord ORDER BY t LIMIT ALL', 'ord_t');
SELECT same_rows('SELECT t FROM ord ORDER BY t LIMIT NULL OFFSET 1990', 'ord_t');
SELECT same_rows('SELECT t FROM ord ORDER BY t OFFSET 5000', 'ord_t');
SELECT same_rows('SELECT t FROM ord ORDER BY t FETCH FIRST 5 ROWS WITH TIES', 'ord_t');
SELECT same_rows('SELECT n FROM ord ORDER BY n DESC OFFSET 30 ROWS FETCH NEXT 1 ROW WITH TIES', 'ord_n');
SELECT same_rows('SELECT n FROM (SELECT n FROM ord ORDER BY n LIMIT 100) s ORDER BY n DESC LIMIT 10', 'ord_n');
SELECT same_rows('SELECT o.n, l.t FROM (VALUES (3), (NULL), (50), (1000)) o(n),
  LATERAL (SELECT t FROM ord WHERE ord.n >= o.n ORDER BY ord.n, t LIMIT 2) l', 'ord_n');
-- the smallest and the largest, in all forms
SELECT same_rows('SELECT min(n), max(n), min(t), max(t) FROM ord', 'ord_n');
SELECT same_rows('SELECT max(t) FROM ord WHERE t < ''t2''', 'ord_t');
SELECT same_rows('SELECT max(DISTINCT n) FROM ord WHERE n < 50', 'ord_n');
SELECT same_rows('SELECT max(n) + min(n) FROM ord WHERE n IS NOT NULL', 'ord_n');
SELECT same_rows('SELECT max(n) FROM ord HAVING max(n) > 5', 'ord_n');
SELECT same_rows('SELECT o.n, (SELECT max(n) FROM ord WHERE n < o.n) FROM generate_series(0, 100, 9) o(n)', 'ord_n');
SELECT same_rows('SELECT id FROM ord WHERE n = (SELECT max(n) FROM ord)', 'ord_n');
-- from value to value: the loose scan that a recursive query makes
SELECT same_rows('WITH RECURSIVE loose AS (
  SELECT min(t) AS t FROM ord UNION ALL SELECT (SELECT min(t) FROM ord WHERE ord.t > loose.t) FROM loose WHERE t IS NOT NULL)
  SELECT t FROM loose WHERE t IS NOT NULL', 'ord_t');
