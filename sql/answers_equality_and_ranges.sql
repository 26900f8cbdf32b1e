-- Every comparison, alone and together with others on the same column, redundant
-- and contradictory ones included, gives what a sequential scan gives.
CREATE TABLE ranges (id serial, t text COLLATE "C", n int);
INSERT INTO ranges (t, n)
  SELECT substr(md5(g::text), 1, 1 + g % 12), (g * 7919) % 1000 - 500 FROM generate_series(1, 3000) g;
INSERT INTO ranges (t, n) SELECT NULL, NULL FROM generate_series(1, 20);
INSERT INTO ranges (t, n) VALUES ('', 2147483647), (' ', -2147483648), ('~', 0);
CREATE INDEX ranges_t ON ranges USING masstree (t);
CREATE INDEX ranges_n ON ranges USING masstree (n);
VACUUM ANALYZE ranges;

CREATE TABLE ranges_clause (clause text);
INSERT INTO ranges_clause VALUES
  ('t = ''a'''), ('t = ''ab'''), ('t = '''''), ('t = ''nowhere'''), ('t = ''~'''),
  ('t < ''8'''), ('t <= ''8'''), ('t >= ''8'''), ('t > ''8'''),
  ('t < '''''), ('t <= '''''), ('t >= '''''), ('t > '''''), ('t > ''~'''), ('t >= ''~'''),
  ('t BETWEEN ''3'' AND ''4'''), ('t BETWEEN ''4'' AND ''3'''), ('t BETWEEN ''3'' AND ''3'''),
  ('t <= ''8'' AND t < ''8'''), ('t < ''8'' AND t <= ''8'''), ('t >= ''8'' AND t > ''8'''), ('t > ''8'' AND t >= ''8'''),
  ('t > ''3'' AND t < ''4'''), ('t > ''3'' AND t < ''3'''), ('t >= ''3'' AND t < ''3'''),
  ('t > ''3'' AND t > ''5'' AND t <= ''b'' AND t < ''c'''), ('t = ''a'' AND t = ''a'''),
  ('t = ''a'' AND t = ''b'''), ('t = ''a'' AND t > ''a'''), ('t = ''a'' AND t >= ''a'' AND t <= ''a'''),
  ('t = NULL'), ('t < NULL'), ('t > ''3'' AND t < NULL'),
  ('t IN (''a'', ''b'', ''zz'', ''a'')'), ('t = ANY (''{a,NULL,b}'')'), ('t = ANY (''{}'')'),
  ('t > ANY (''{c,e}'')'), ('t < ALL (''{c,e}'')'),
  ('n = 0'), ('n = -500'), ('n = 12345'), ('n < -490'), ('n <= -490'), ('n > 490'), ('n >= 490'),
  ('n BETWEEN -10 AND 10'), ('n = 2147483647'), ('n = -2147483648'), ('n > 2147483646'), ('n < -2147483647'),
  ('n > 10 AND n < 5'), ('n IN (1, 2, 3, NULL)'), ('n = 7 AND n = 7 AND n > 6');

SELECT clause, same_rows('SELECT id, t, n FROM ranges WHERE ' || clause, 'ranges_' || left(clause, 1))
  FROM ranges_clause WHERE clause !~ 'IN |ANY|ALL' ORDER BY clause COLLATE "C";
SELECT clause, same_rows('SELECT id, t, n FROM ranges WHERE ' || clause, 'ranges_' || left(clause, 1), 'bitmap')
  FROM ranges_clause ORDER BY clause COLLATE "C";

-- queries that need nothing of the row but that it is there
CREATE TABLE ranges_count (n int, m int);
INSERT INTO ranges_count SELECT g % 10, g FROM generate_series(1, 1000) g;
CREATE INDEX ranges_count_n ON ranges_count USING masstree (n) WHERE m > 500;
VACUUM ANALYZE ranges_count;
SELECT right(same_rows('SELECT count(*) FROM ranges_count WHERE m > 500', 'ranges_count_n'), 4);
SELECT right(same_rows('SELECT 1 FROM ranges_count WHERE m > 500', 'ranges_count_n'), 4);
DROP INDEX ranges_count_n;
CREATE INDEX ranges_count_n ON ranges_count USING masstree (n);
SELECT right(same_rows('SELECT count(*) FROM ranges_count', 'ranges_count_n'), 4);
SELECT right(same_rows('SELECT 1 FROM ranges_count LIMIT 7', 'ranges_count_n'), 4);
DELETE FROM ranges_count WHERE m % 2 = 0;
SELECT right(same_rows('SELECT count(*) FROM ranges_count', 'ranges_count_n'), 4);
SELECT right(same_rows('SELECT count(*) FROM ranges_count WHERE n = 3', 'ranges_count_n'), 4);
-- two indexes in one bitmap
SELECT same_rows('SELECT id FROM ranges WHERE t < ''3'' AND n < 0', 'ranges_t', 'bitmap');
SELECT same_rows('SELECT id FROM ranges WHERE t < ''3'' OR n < -400', 'ranges_n', 'bitmap');
-- a bitmap that is lossy
SET work_mem = '64kB';
SELECT same_rows('SELECT id FROM ranges WHERE t >= ''''', 'ranges_t', 'bitmap');
RESET work_mem;
-- parameters
SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off;
PREPARE ranges_query (text, text) AS SELECT count(*) FROM ranges WHERE t >= $1 AND t < $2;
EXPLAIN (COSTS OFF) EXECUTE ranges_query ('a', 'b');
EXECUTE ranges_query ('a', 'b') \gset by_index_
SELECT count(*) = :by_index_count AS same FROM ranges WHERE t || '' >= 'a' AND t || '' < 'b';
EXECUTE ranges_query ('b', 'a');
EXECUTE ranges_query (NULL, 'b');
EXECUTE ranges_query ('', '~~');
DEALLOCATE ranges_query;
