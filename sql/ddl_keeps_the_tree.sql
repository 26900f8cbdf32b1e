-- Whatever DDL does to table and index, the index goes on being right.
CREATE TABLE ddl (id int, v varchar(10) COLLATE "C", n int);
INSERT INTO ddl SELECT g, 'v' || g % 300, g FROM generate_series(1, 1000) g;
CREATE INDEX ddl_v ON ddl USING masstree (v);
CREATE FUNCTION ddl_ok() RETURNS text LANGUAGE sql AS $$
  SELECT same_rows('SELECT id, v FROM ddl WHERE v > ''v2'' ORDER BY v, id', 'ddl_v', 'bitmap')
$$;
SELECT same_rows('SELECT v FROM ddl WHERE v > ''v2'' ORDER BY v', 'ddl_v');
-- REINDEX
REINDEX INDEX ddl_v;
SELECT same_rows('SELECT v FROM ddl WHERE v > ''v2'' ORDER BY v', 'ddl_v');
REINDEX TABLE ddl;
SELECT same_rows('SELECT v FROM ddl WHERE v > ''v2'' ORDER BY v', 'ddl_v');
REINDEX INDEX CONCURRENTLY ddl_v;
SELECT same_rows('SELECT v FROM ddl WHERE v > ''v2'' ORDER BY v', 'ddl_v');
SELECT masstree_check('ddl_v', true);
-- CREATE and DROP INDEX CONCURRENTLY
CREATE INDEX CONCURRENTLY ddl_n ON ddl USING masstree (n);
SELECT same_rows('SELECT n FROM ddl WHERE n > 990 ORDER BY n', 'ddl_n');
INSERT INTO ddl VALUES (1001, 'v1001', 1001);
SELECT same_rows('SELECT n FROM ddl WHERE n > 990 ORDER BY n', 'ddl_n');
SELECT masstree_check('ddl_n', true);
DROP INDEX CONCURRENTLY ddl_n;
SELECT count(*) FROM pg_stat_masstree WHERE relname = 'ddl';
-- ALTER TYPE without a rewrite keeps the file under another OID
SELECT pg_relation_filenode('ddl_v') AS filenode, 'ddl_v'::regclass::oid AS oid \gset before_
ALTER TABLE ddl ALTER v TYPE varchar(30) COLLATE "C";
SELECT pg_relation_filenode('ddl_v') = :before_filenode AS same_file, 'ddl_v'::regclass::oid <> :before_oid AS other_oid;
SELECT same_rows('SELECT v FROM ddl WHERE v > ''v2'' ORDER BY v', 'ddl_v');
INSERT INTO ddl VALUES (1002, 'v2 a longer one than before', 1002);
SELECT same_rows('SELECT v FROM ddl WHERE v > ''v2'' ORDER BY v', 'ddl_v');
SELECT masstree_check('ddl_v', true);
-- with a rewrite
ALTER TABLE ddl ALTER n TYPE bigint;
SELECT same_rows('SELECT v FROM ddl WHERE v > ''v2'' ORDER BY v', 'ddl_v');
ALTER TABLE ddl ALTER v TYPE text COLLATE "C";
SELECT same_rows('SELECT v FROM ddl WHERE v > ''v2'' ORDER BY v', 'ddl_v');
SELECT masstree_check('ddl_v', true);
-- another tablespace: the file is copied, and no build is asked for
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE regress_mt_space LOCATION '';
ALTER INDEX ddl_v SET TABLESPACE regress_mt_space;
SELECT same_rows('SELECT v FROM ddl WHERE v > ''v2'' ORDER BY v', 'ddl_v');
INSERT INTO ddl VALUES (1003, 'v3', 1003);
ALTER INDEX ddl_v SET TABLESPACE pg_default;
INSERT INTO ddl VALUES (1004, 'v3', 1004);
SELECT same_rows('SELECT v FROM ddl WHERE v > ''v2'' ORDER BY v', 'ddl_v');
SELECT masstree_check('ddl_v', true);
BEGIN;
ALTER INDEX ddl_v SET TABLESPACE regress_mt_space;
INSERT INTO ddl VALUES (1005, 'v3', 1005);
SELECT same_rows('SELECT v FROM ddl WHERE v > ''v2'' ORDER BY v', 'ddl_v');
ROLLBACK;
SELECT same_rows('SELECT v FROM ddl WHERE v > ''v2'' ORDER BY v', 'ddl_v');
SELECT masstree_check('ddl_v', true);
REINDEX (TABLESPACE regress_mt_space) INDEX ddl_v;
SELECT same_rows('SELECT v FROM ddl WHERE v > ''v2'' ORDER BY v', 'ddl_v');
ALTER TABLE ddl SET TABLESPACE regress_mt_space;
SELECT same_rows('SELECT v FROM ddl WHERE v > ''v2'' ORDER BY v', 'ddl_v');
ALTER TABLE ddl SET TABLESPACE pg_default;
ALTER INDEX ddl_v SET TABLESPACE pg_default;
DROP TABLESPACE regress_mt_space;
-- TRUNCATE, taken back and not
BEGIN;
TRUNCATE ddl;
INSERT INTO ddl VALUES (1, 'v9', 1);
SELECT same_rows('SELECT v FROM ddl WHERE v > ''v2'' ORDER BY v', 'ddl_v');
ROLLBACK;
SELECT same_rows('SELECT v FROM ddl WHERE v > ''v2'' ORDER BY v', 'ddl_v');
-- DROP, taken back
BEGIN;
DROP INDEX ddl_v;
INSERT INTO ddl VALUES (1006, 'v6', 1006);
ROLLBACK;
SELECT same_rows('SELECT v FROM ddl WHERE v > ''v2'' ORDER BY v', 'ddl_v');
BEGIN;
DROP TABLE ddl CASCADE;
ROLLBACK;
SELECT same_rows('SELECT v FROM ddl WHERE v > ''v2'' ORDER BY v', 'ddl_v');
SELECT masstree_check('ddl_v', true);
-- an index made and thrown away
BEGIN;
CREATE INDEX ddl_n ON ddl USING masstree (n);
INSERT INTO ddl VALUES (1007, 'v7', 1007);
SELECT same_rows('SELECT n FROM ddl WHERE n > 990 ORDER BY n', 'ddl_n');
ROLLBACK;
SELECT count(*) FROM pg_stat_masstree WHERE indexrelname = 'ddl_n';
SELECT same_rows('SELECT v FROM ddl WHERE v > ''v2'' ORDER BY v', 'ddl_v');
-- a table made, filled and truncated in one transaction
BEGIN;
CREATE TABLE ddl_new (n int);
CREATE INDEX ddl_new_n ON ddl_new USING masstree (n);
INSERT INTO ddl_new SELECT generate_series(1, 100);
TRUNCATE ddl_new;
INSERT INTO ddl_new SELECT generate_series(50, 70);
SELECT same_rows('SELECT n FROM ddl_new WHERE n > 60 ORDER BY n', 'ddl_new_n');
COMMIT;
SELECT same_rows('SELECT n FROM ddl_new WHERE n > 60 ORDER BY n', 'ddl_new_n');
SELECT masstree_check('ddl_new_n', true);
TRUNCATE ddl_new;
SELECT same_rows('SELECT n FROM ddl_new WHERE n > 60 ORDER BY n', 'ddl_new_n');
INSERT INTO ddl_new VALUES (61);
SELECT same_rows('SELECT n FROM ddl_new WHERE n > 60 ORDER BY n', 'ddl_new_n');
-- renamed
ALTER INDEX ddl_new_n RENAME TO ddl_renamed;
SELECT same_rows('SELECT n FROM ddl_new WHERE n > 60 ORDER BY n', 'ddl_renamed');
-- the memory of what is dropped comes back
SELECT used AS used_before FROM masstree_memory() \gset
CREATE TABLE ddl_memory AS SELECT md5(g::text) COLLATE "C" AS t FROM generate_series(1, 20000) g;
CREATE INDEX ddl_memory_t ON ddl_memory USING masstree (t);
SELECT used > :used_before + 500000 AS more FROM masstree_memory();
DROP TABLE ddl_memory;
SELECT used < :used_before + 500000 AS back FROM masstree_memory();
-- two extensions' worth of DROP
DROP TABLE ddl, ddl_new CASCADE;
