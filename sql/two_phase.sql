-- Prepared transactions: what they inserted, deleted, built and dropped comes or goes
-- with their end, whoever ends them.
CREATE TABLE twop (id int, t text COLLATE "C");
INSERT INTO twop SELECT g, 't' || g % 100 FROM generate_series(1, 500) g;
CREATE INDEX twop_t ON twop USING masstree (t);
CREATE FUNCTION twop_rows() RETURNS text LANGUAGE sql AS $$
  SELECT same_rows('SELECT t FROM twop WHERE t > ''t5'' ORDER BY t', 'twop_t')
$$;
BEGIN;
INSERT INTO twop SELECT g, 't' || g FROM generate_series(500, 600) g;
DELETE FROM twop WHERE t = 't77';
UPDATE twop SET t = 'updated' WHERE t = 't78';
PREPARE TRANSACTION 'regress_mt_rows';
SELECT twop_rows();
SELECT masstree_check('twop_t', true);
VACUUM twop;
SELECT twop_rows();
\c
COMMIT PREPARED 'regress_mt_rows';
SELECT twop_rows();
SELECT masstree_check('twop_t', true);
BEGIN;
SAVEPOINT s;
INSERT INTO twop VALUES (1000, 'rolled back');
RELEASE s;
DELETE FROM twop WHERE t > 't9';
PREPARE TRANSACTION 'regress_mt_rows';
\c
ROLLBACK PREPARED 'regress_mt_rows';
SELECT twop_rows();
VACUUM twop;
SELECT masstree_check('twop_t', true);
-- an index that a prepared transaction builds
BEGIN;
CREATE TABLE twop_new (id int, n int);
INSERT INTO twop_new SELECT g, g % 50 FROM generate_series(1, 300) g;
CREATE INDEX twop_new_n ON twop_new USING masstree (n);
INSERT INTO twop_new VALUES (301, 7);
PREPARE TRANSACTION 'regress_mt_build';
SELECT count(*) FROM pg_stat_masstree WHERE indexrelname = 'twop_new_n';
\c
COMMIT PREPARED 'regress_mt_build';
SELECT same_rows('SELECT id FROM twop_new WHERE n = 7', 'twop_new_n');
INSERT INTO twop_new VALUES (302, 7);
SELECT same_rows('SELECT n FROM twop_new WHERE n < 9 ORDER BY n', 'twop_new_n');
SELECT masstree_check('twop_new_n', true);
-- one that it drops: kept when that is rolled back, gone when not
BEGIN;
DROP INDEX twop_new_n;
PREPARE TRANSACTION 'regress_mt_drop';
ROLLBACK PREPARED 'regress_mt_drop';
SELECT same_rows('SELECT id FROM twop_new WHERE n = 7', 'twop_new_n');
BEGIN;
REINDEX INDEX twop_new_n;
INSERT INTO twop_new VALUES (303, 7);
PREPARE TRANSACTION 'regress_mt_reindex';
COMMIT PREPARED 'regress_mt_reindex';
SELECT same_rows('SELECT id FROM twop_new WHERE n = 7', 'twop_new_n');
SELECT masstree_check('twop_new_n', true);
BEGIN;
DROP INDEX twop_new_n;
PREPARE TRANSACTION 'regress_mt_drop';
\c
COMMIT PREPARED 'regress_mt_drop';
SELECT count(*) FROM pg_stat_masstree WHERE indexrelname = 'twop_new_n';
-- an exclusion constraint sees rows of a prepared transaction
CREATE TABLE twop_ex (n int, EXCLUDE USING masstree (n WITH =));
INSERT INTO twop_ex VALUES (1), (2);
BEGIN;
INSERT INTO twop_ex VALUES (3);
DELETE FROM twop_ex WHERE n = 1;
PREPARE TRANSACTION 'regress_mt_ex';
SET lock_timeout = '100ms';
INSERT INTO twop_ex VALUES (3);
INSERT INTO twop_ex VALUES (1);
INSERT INTO twop_ex VALUES (2);
RESET lock_timeout;
COMMIT PREPARED 'regress_mt_ex';
INSERT INTO twop_ex VALUES (3);
INSERT INTO twop_ex VALUES (1);
SELECT n FROM twop_ex ORDER BY n;
-- a temporary table cannot take part, and is as right as before
CREATE TEMPORARY TABLE twop_temp (n int);
CREATE INDEX twop_temp_n ON twop_temp USING masstree (n);
BEGIN;
INSERT INTO twop_temp VALUES (1);
PREPARE TRANSACTION 'regress_mt_temp';
SELECT same_rows('SELECT n FROM twop_temp WHERE n = 1', 'twop_temp_n');
DROP TABLE twop, twop_new, twop_ex;
