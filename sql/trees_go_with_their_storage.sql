-- A tree goes with the storage of its index, at once: what an abort takes back, what
-- a commit drops or replaces, what a session leaves behind.
CREATE FUNCTION trees_of(node oid) RETURNS bigint LANGUAGE sql AS
  'SELECT count(*) FROM masstree_trees() WHERE filenode = node';
CREATE TABLE tg (n int);
INSERT INTO tg SELECT generate_series(1, 1000);

-- an abort
BEGIN;
CREATE INDEX tg_n ON tg USING masstree (n);
SELECT pg_relation_filenode('tg_n') AS node \gset
SELECT trees_of(:node);
ROLLBACK;
SELECT trees_of(:node);

-- an abort of a subtransaction
BEGIN;
SAVEPOINT a;
CREATE INDEX tg_n ON tg USING masstree (n);
SELECT pg_relation_filenode('tg_n') AS node \gset
ROLLBACK TO a;
SELECT trees_of(:node);
COMMIT;

-- a build that fails at its last row
CREATE FUNCTION tg_fails(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN 1 / (1000 - n); END';
BEGIN;
SAVEPOINT a;
SELECT count(*) AS before FROM masstree_trees() \gset
CREATE INDEX tg_n ON tg USING masstree (tg_fails(n));
ROLLBACK TO a;
SELECT count(*) <= :before AS none_is_left FROM masstree_trees();
ROLLBACK;

-- a commit: REINDEX, TRUNCATE, DROP
CREATE INDEX tg_n ON tg USING masstree (n);
SELECT pg_relation_filenode('tg_n') AS node \gset
SELECT trees_of(:node);
REINDEX INDEX tg_n;
SELECT trees_of(:node), trees_of(pg_relation_filenode('tg_n'));
SELECT pg_relation_filenode('tg_n') AS node \gset
TRUNCATE tg;
SELECT trees_of(:node);
SELECT pg_relation_filenode('tg_n') AS node \gset
INSERT INTO tg VALUES (1);
SELECT trees_of(:node);
BEGIN;
DROP INDEX tg_n;
ROLLBACK;
SELECT trees_of(:node);
DROP TABLE tg;
SELECT trees_of(:node);

-- temporary ones, by the end of the transaction after the one that drops them
BEGIN;
CREATE TEMPORARY TABLE tg_temp (n int);
CREATE INDEX tg_temp_n ON tg_temp USING masstree (n);
SELECT pg_relation_filenode('tg_temp_n') AS node \gset
ROLLBACK;
SELECT trees_of(:node) >= 0 AS looked;
SELECT trees_of(:node);
CREATE TEMPORARY TABLE tg_temp (n int);
CREATE INDEX tg_temp_n ON tg_temp USING masstree (n);
SELECT pg_relation_filenode('tg_temp_n') AS node, pg_backend_pid() AS pid \gset
DROP INDEX tg_temp_n;
SELECT trees_of(:node) >= 0 AS looked;
SELECT trees_of(:node);
CREATE INDEX tg_temp_n ON tg_temp USING masstree (n);
INSERT INTO tg_temp VALUES (1);
SELECT pg_relation_filenode('tg_temp_n') AS node \gset
SELECT trees_of(:node);
\c
SELECT set_config('test.pid', :'pid', false) <> '' AS set;
DO $$
BEGIN
  FOR i IN 1..6000 LOOP
    PERFORM pg_stat_clear_snapshot();
    EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = current_setting('test.pid')::int);
    PERFORM pg_sleep(0.01);
  END LOOP;
END $$;
SELECT trees_of(:node);
DROP FUNCTION trees_of, tg_fails;
