-- Unlogged and temporary tables.
CREATE UNLOGGED TABLE unl (t text COLLATE "C");
CREATE INDEX unl_t ON unl USING masstree (t);
INSERT INTO unl SELECT md5(g::text) FROM generate_series(1, 1000) g;
SELECT same_rows('SELECT t FROM unl WHERE t > ''8'' ORDER BY t', 'unl_t');
SELECT masstree_check('unl_t', true);
ALTER TABLE unl SET LOGGED;
SELECT same_rows('SELECT t FROM unl WHERE t > ''8'' ORDER BY t', 'unl_t');
ALTER TABLE unl SET UNLOGGED;
INSERT INTO unl VALUES ('9');
SELECT same_rows('SELECT t FROM unl WHERE t > ''8'' ORDER BY t', 'unl_t');
SELECT masstree_check('unl_t', true);

CREATE TEMPORARY TABLE tmp (t text COLLATE "C");
INSERT INTO tmp SELECT md5(g::text) FROM generate_series(1, 1000) g;
CREATE INDEX tmp_t ON tmp USING masstree (t);
INSERT INTO tmp SELECT 'later ' || g FROM generate_series(1, 100) g;
SELECT same_rows('SELECT t FROM tmp WHERE t > ''8'' ORDER BY t', 'tmp_t');
SELECT masstree_check('tmp_t', true);
DROP TABLE tmp;

-- ON COMMIT DELETE ROWS empties table and index at every commit
CREATE TEMPORARY TABLE tmp_rows (n int) ON COMMIT DELETE ROWS;
CREATE INDEX tmp_rows_n ON tmp_rows USING masstree (n);
BEGIN;
INSERT INTO tmp_rows SELECT g % 100 FROM generate_series(1, 1000) g;
SELECT same_rows('SELECT n FROM tmp_rows WHERE n > 50 ORDER BY n', 'tmp_rows_n');
COMMIT;
SELECT same_rows('SELECT n FROM tmp_rows WHERE n > 50 ORDER BY n', 'tmp_rows_n');
BEGIN;
INSERT INTO tmp_rows SELECT g % 10 FROM generate_series(1, 100) g;
SELECT same_rows('SELECT n FROM tmp_rows WHERE n >= 0 ORDER BY n', 'tmp_rows_n');
ROLLBACK;
BEGIN;
INSERT INTO tmp_rows VALUES (1);
SELECT same_rows('SELECT n FROM tmp_rows WHERE n >= 0 ORDER BY n', 'tmp_rows_n');
COMMIT;

-- ON COMMIT DROP
BEGIN;
CREATE TEMPORARY TABLE tmp_drop (n int) ON COMMIT DROP;
CREATE INDEX tmp_drop_n ON tmp_drop USING masstree (n);
INSERT INTO tmp_drop SELECT generate_series(1, 50);
SELECT same_rows('SELECT n FROM tmp_drop WHERE n > 20 ORDER BY n', 'tmp_drop_n');
COMMIT;

-- what a session leaves behind is gone with it
CREATE TEMPORARY TABLE tmp_left (t text COLLATE "C");
CREATE INDEX tmp_left_t ON tmp_left USING masstree (t);
INSERT INTO tmp_left VALUES ('left');
\c
SELECT count(*) FROM pg_stat_masstree WHERE indexrelname = 'tmp_left_t';
