-- Plans that are kept: made again when an index comes, goes or changes, right with
-- every parameter, in functions and in prepared statements.
CREATE TABLE pc (id int, t text COLLATE "C");
INSERT INTO pc SELECT g, 't' || g FROM generate_series(1, 2000) g;
ANALYZE pc;
SET plan_cache_mode = force_generic_plan;
SET enable_bitmapscan = off;
SET enable_seqscan = off;
PREPARE pc_get (text) AS SELECT id FROM pc WHERE t = $1;
EXPLAIN (COSTS OFF) EXECUTE pc_get ('t5');
CREATE INDEX pc_t ON pc USING masstree (t);
EXPLAIN (COSTS OFF) EXECUTE pc_get ('t5');
EXECUTE pc_get ('t5');
INSERT INTO pc VALUES (5000, 't5');
EXECUTE pc_get ('t5');
REINDEX INDEX pc_t;
EXECUTE pc_get ('t5');
ALTER INDEX pc_t RENAME TO pc_renamed;
EXPLAIN (COSTS OFF) EXECUTE pc_get ('t5');
ALTER TABLE pc ALTER t TYPE varchar(20) COLLATE "C";
EXECUTE pc_get ('t5');
ALTER TABLE pc ALTER t TYPE text COLLATE "C";
EXECUTE pc_get ('t5');
TRUNCATE pc;
EXECUTE pc_get ('t5');
INSERT INTO pc SELECT g, 't' || g FROM generate_series(1, 1000) g;
EXECUTE pc_get ('t5');
BEGIN;
DROP INDEX pc_renamed;
EXPLAIN (COSTS OFF) EXECUTE pc_get ('t5');
EXECUTE pc_get ('t5');
ROLLBACK;
EXPLAIN (COSTS OFF) EXECUTE pc_get ('t5');
EXECUTE pc_get ('t5');
-- taken over by a btree and back
CREATE INDEX pc_btree ON pc (t);
DROP INDEX pc_renamed;
EXPLAIN (COSTS OFF) EXECUTE pc_get ('t5');
CREATE INDEX pc_t ON pc USING masstree (t);
DROP INDEX pc_btree;
EXPLAIN (COSTS OFF) EXECUTE pc_get ('t5');
EXECUTE pc_get ('t5');
EXECUTE pc_get (NULL);
-- a plan for all, and one for each
PREPARE pc_like (text) AS SELECT count(*) FROM pc WHERE t LIKE $1;
SET plan_cache_mode = force_custom_plan;
EXECUTE pc_like ('t5%');
EXECUTE pc_like ('%5');
SET plan_cache_mode = force_generic_plan;
EXECUTE pc_like ('t5%');
EXECUTE pc_like ('%5');
EXPLAIN (COSTS OFF) EXECUTE pc_like ('%5');
DEALLOCATE ALL;
-- functions keep plans too, and are called again and again
CREATE FUNCTION pc_ids(a text, b text) RETURNS SETOF int STABLE LANGUAGE sql AS
  'SELECT id FROM pc WHERE t >= a AND t < b ORDER BY t';
CREATE FUNCTION pc_loop() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  total bigint := 0;
  r record;
BEGIN
  FOR i IN 1..300 LOOP
    FOR r IN SELECT id FROM pc WHERE t = 't' || i LOOP
      total := total + r.id;
    END LOOP;
    IF i = 100 THEN
      UPDATE pc SET id = id + 1 WHERE t = 't200';
    END IF;
  END LOOP;
  RETURN total;
END $$;
SELECT array_agg(i) FROM pc_ids('t10', 't11') i;
SELECT array_agg(i) FROM pc_ids('t11', 't10') i;
BEGIN;
SELECT pc_loop();
SELECT pg_stat_get_xact_numscans('pc_t'::regclass) >= 300 AS read;
COMMIT;
-- a table and an index that come and go in a loop, in one function
CREATE FUNCTION pc_again(n int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  wrong int := 0;
  got bigint;
BEGIN
  FOR i IN 1..n LOOP
    CREATE TEMPORARY TABLE pc_temp (k int);
    CREATE INDEX pc_temp_k ON pc_temp USING masstree (k);
    INSERT INTO pc_temp SELECT g % 10 FROM generate_series(1, 10 * i) g;
    SELECT count(*) INTO got FROM pc_temp WHERE k = 3;
    wrong := wrong + (got <> i)::int;
    DROP TABLE pc_temp;
  END LOOP;
  RETURN format('%s times, %s wrong', n, wrong);
END $$;
SELECT pc_again(20);
-- a rule, and views over views
CREATE VIEW pc_view AS SELECT t, count(*) AS n FROM pc GROUP BY t;
CREATE VIEW pc_view_2 AS SELECT t FROM pc_view WHERE n > 0;
RESET ALL;
SELECT same_rows('SELECT t FROM pc_view_2 WHERE t = ''t77''', 'pc_t');
CREATE VIEW pc_updatable AS SELECT id, t FROM pc WHERE t > 't5' WITH CHECK OPTION;
SET enable_seqscan = off;
UPDATE pc_updatable SET id = -1 WHERE t = 't77';
UPDATE pc_updatable SET t = 'a' WHERE t = 't78';
DELETE FROM pc_updatable WHERE t ^@ 't79';
SELECT same_rows('SELECT id, t FROM pc WHERE t ^@ ''t7''', 'pc_t');
-- a materialized view
CREATE MATERIALIZED VIEW pc_mat AS SELECT left(t, 2) COLLATE "C" AS start, count(*) FROM pc GROUP BY 1;
CREATE INDEX pc_mat_start ON pc_mat USING masstree (start);
CREATE UNIQUE INDEX pc_mat_key ON pc_mat (start);
SELECT same_rows('SELECT start, count FROM pc_mat WHERE start > ''t3'' ORDER BY start', 'pc_mat_start');
DELETE FROM pc WHERE t ^@ 't4';
REFRESH MATERIALIZED VIEW pc_mat;
SELECT same_rows('SELECT start, count FROM pc_mat WHERE start > ''t3'' ORDER BY start', 'pc_mat_start');
INSERT INTO pc VALUES (1, 'x'), (2, 't4');
REFRESH MATERIALIZED VIEW CONCURRENTLY pc_mat;
SELECT same_rows('SELECT start, count FROM pc_mat WHERE start > ''t3'' ORDER BY start', 'pc_mat_start');
SELECT masstree_check('pc_t', true), masstree_check('pc_mat_start', true);
