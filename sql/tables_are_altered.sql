-- ALTER TABLE and CREATE TABLE LIKE keep masstree indexes, with their options,
-- order and predicates.
SET client_min_messages = warning;
CREATE TABLE alt (id int, gone int, t text COLLATE "C", n int);
INSERT INTO alt SELECT g, g, 't' || g % 200, g FROM generate_series(1, 1000) g;
CREATE INDEX alt_t ON alt USING masstree (t DESC NULLS LAST) WITH (on_full = error) WHERE n > 10;
CREATE INDEX alt_lower ON alt USING masstree ((lower(t) || id % 3) COLLATE "C");
CREATE INDEX alt_gone ON alt USING masstree (gone);
CREATE INDEX alt_prefix ON alt USING masstree (n int4_ops NULLS FIRST);
ALTER TABLE alt ADD CONSTRAINT alt_excl EXCLUDE USING masstree (n WITH =) WHERE (n > 500) DEFERRABLE;
COMMENT ON INDEX alt_t IS 'in memory';
SELECT pg_get_indexdef(indexrelid) AS def FROM pg_index WHERE indrelid = 'alt'::regclass ORDER BY indexrelid::regclass::text COLLATE "C";
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'alt'::regclass;
SELECT indexdef FROM pg_indexes WHERE indexname = 'alt_t';
\d alt
\d alt_t
-- columns renamed, dropped, added; the index goes with its column
ALTER TABLE alt RENAME t TO path;
ALTER TABLE alt RENAME TO altered;
ALTER TABLE altered DROP gone;
ALTER TABLE altered ADD flag boolean NOT NULL DEFAULT true;
ALTER TABLE altered ALTER n SET NOT NULL, ALTER path SET STORAGE EXTERNAL, ALTER path SET COMPRESSION pglz;
SELECT same_rows('SELECT path FROM altered WHERE n > 10 AND path > ''t15'' ORDER BY path NULLS FIRST', 'alt_t');
SELECT same_rows('SELECT id FROM altered WHERE lower(path) || id % 3 = ''t171''', 'alt_lower');
SELECT same_rows('SELECT n FROM altered ORDER BY n DESC NULLS LAST LIMIT 7', 'alt_prefix');
SELECT count(*) FROM pg_class WHERE relname = 'alt_gone';
INSERT INTO altered (id, path, n) VALUES (2000, 'T' || repeat('x', 5000), 2000), (2001, 'new', 1000);
INSERT INTO altered (id, path, n) VALUES (2001, 'new', 2001), (2002, 'new', 100);
SELECT same_rows('SELECT path FROM altered WHERE n > 10 AND path > ''a'' ORDER BY path DESC NULLS LAST', 'alt_t');
SELECT same_rows('SELECT path FROM altered WHERE n > 10 AND path > ''a'' ORDER BY path', 'alt_t', 'bitmap');
-- other types: the index is made again
ALTER TABLE altered ALTER path TYPE varchar COLLATE "C" USING upper(path);
SELECT same_rows('SELECT path FROM altered WHERE n > 10 AND path > ''T15'' ORDER BY path NULLS FIRST', 'alt_t');
ALTER TABLE altered ALTER n TYPE bigint USING n * 10000000000;
SELECT same_rows('SELECT n FROM altered ORDER BY n DESC NULLS LAST LIMIT 7', 'alt_prefix');
SELECT pg_get_indexdef('alt_prefix'::regclass);
ALTER TABLE altered ALTER path TYPE bytea USING path::bytea;
DROP INDEX alt_lower;
ALTER TABLE altered ALTER path TYPE bytea USING path::bytea;
SELECT same_rows('SELECT path FROM altered WHERE n > 10 AND path > ''T15'' ORDER BY path NULLS FIRST', 'alt_t');
ALTER TABLE altered ALTER path TYPE json USING to_json(1);
ALTER TABLE altered ALTER path TYPE text COLLATE "C" USING convert_from(path, 'UTF8');
SELECT masstree_check(indexrelid, true) FROM pg_index WHERE indrelid = 'altered'::regclass;
-- the same, taken back
BEGIN;
ALTER TABLE altered ALTER path TYPE bytea USING path::bytea, DROP flag;
INSERT INTO altered (id, path, n) VALUES (3000, 'x', 1);
ROLLBACK;
SELECT same_rows('SELECT path FROM altered WHERE n > 10 AND path > ''T15'' ORDER BY path NULLS FIRST', 'alt_t');
-- settings of the index and of its columns
ALTER INDEX alt_t SET (on_full = unload);
ALTER INDEX alt_t SET (fillfactor = 70);
ALTER INDEX alt_t ALTER COLUMN 1 SET STATISTICS 50;
CREATE INDEX alt_expr ON altered USING masstree ((length(path)));
ALTER INDEX alt_expr ALTER COLUMN 1 SET STATISTICS 50;
ALTER INDEX alt_expr ALTER COLUMN 1 SET STATISTICS -1;
ALTER INDEX alt_expr DEPENDS ON EXTENSION masstree;
ALTER TABLE altered REPLICA IDENTITY USING INDEX alt_expr;
CREATE SCHEMA alt_space;
ALTER TABLE altered SET SCHEMA alt_space;
SELECT same_rows('SELECT path FROM alt_space.altered WHERE n > 10 AND path > ''T15'' ORDER BY path NULLS FIRST', 'alt_t');
ALTER TABLE alt_space.altered SET SCHEMA public;
-- LIKE
CREATE TABLE alt_like (LIKE altered INCLUDING ALL);
SELECT pg_get_indexdef(indexrelid) AS def FROM pg_index WHERE indrelid = 'alt_like'::regclass ORDER BY indexrelid::regclass::text COLLATE "C";
SELECT obj_description(indexrelid) FROM pg_index WHERE indrelid = 'alt_like'::regclass AND obj_description(indexrelid) IS NOT NULL;
INSERT INTO alt_like SELECT * FROM altered;
INSERT INTO alt_like (id, path, n) SELECT id, path, n FROM altered WHERE n > 5000 LIMIT 1;
SELECT same_rows('SELECT path FROM alt_like WHERE n > 10 AND path > ''T15'' ORDER BY path NULLS FIRST', 'alt_like_path_idx');
CREATE TABLE alt_bare (LIKE altered);
SELECT count(*) FROM pg_index WHERE indrelid = 'alt_bare'::regclass;
-- domains
CREATE DOMAIN alt_name AS text COLLATE "C" CHECK (VALUE <> 'never');
CREATE TABLE alt_typed (name alt_name, short varchar(5) COLLATE "C");
CREATE INDEX alt_typed_name ON alt_typed USING masstree (name);
CREATE INDEX alt_typed_short ON alt_typed USING masstree (short);
INSERT INTO alt_typed SELECT 'name ' || g, 's' || g FROM generate_series(1, 500) g;
INSERT INTO alt_typed VALUES ('never', 'x');
INSERT INTO alt_typed VALUES ('x', 'too long');
SELECT same_rows('SELECT name FROM alt_typed WHERE name > ''name 3'' ORDER BY name', 'alt_typed_name');
SELECT same_rows('SELECT name FROM alt_typed WHERE name LIKE ''name 3%''', 'alt_typed_name');
SELECT same_rows('SELECT short FROM alt_typed WHERE short = ''s77''', 'alt_typed_short');
ALTER DOMAIN alt_name DROP CONSTRAINT alt_name_check;
INSERT INTO alt_typed VALUES ('never', 'x');
SELECT same_rows('SELECT name FROM alt_typed WHERE name > ''name 3'' ORDER BY name', 'alt_typed_name');
-- indexes that are not valid: CONCURRENTLY that failed
INSERT INTO alt_typed VALUES ('zero', NULL);
CREATE INDEX CONCURRENTLY alt_bad ON alt_typed USING masstree ((1 / (name <> 'zero')::int));
SELECT indisvalid, indisready FROM pg_index WHERE indexrelid = 'alt_bad'::regclass;
INSERT INTO alt_typed VALUES ('while bad', 'x');
SELECT plan_node('SELECT name FROM alt_typed WHERE 1 / (name <> ''zero'')::int = 1', 'alt_bad');
DELETE FROM alt_typed WHERE name = 'zero';
VACUUM alt_typed;
REINDEX INDEX CONCURRENTLY alt_bad;
SELECT indisvalid, indisready FROM pg_index WHERE indexrelid = 'alt_bad'::regclass;
SELECT same_rows('SELECT name FROM alt_typed WHERE 1 / (name <> ''zero'')::int = 1', 'alt_bad');
SELECT masstree_check('alt_bad', true);
DROP DOMAIN alt_name CASCADE;
SELECT count(*) FROM pg_class WHERE relname = 'alt_typed_name';
-- a second one of the same name, and IF NOT EXISTS
CREATE INDEX alt_typed_short ON alt_typed USING masstree (short);
CREATE INDEX IF NOT EXISTS alt_typed_short ON alt_typed USING masstree (short);
DROP INDEX IF EXISTS alt_nothing;
