-- Under a libc collation other than C the tree holds the bytes: equality, IN and
-- prefixes are served, ranges are answered by comparing again, and the index is
-- not used for an order that it does not have.
CREATE COLLATION libc_utf8 (provider = libc, locale = 'C.UTF-8');
CREATE TABLE names (id serial, name text COLLATE libc_utf8);
INSERT INTO names (name)
  SELECT (ARRAY['alpha', 'Beta', 'gamma', 'Délta', 'épsilon', ''])[1 + g % 6] || g % 300 FROM generate_series(1, 2000) g;
INSERT INTO names (name) VALUES (NULL), (''), ('zeta');
CREATE INDEX names_name ON names USING masstree (name);
VACUUM ANALYZE names;
SELECT same_rows('SELECT id FROM names WHERE name = ''alpha6''', 'names_name');
SELECT same_rows('SELECT id FROM names WHERE name = ''''', 'names_name');
SELECT same_rows('SELECT id FROM names WHERE name IN (''alpha6'', ''Beta7'', ''nobody'')', 'names_name', 'bitmap');
SELECT same_rows('SELECT id FROM names WHERE name LIKE ''D_lta1%''', 'names_name');
SELECT same_rows('SELECT id FROM names WHERE name LIKE ''alpha%''', 'names_name');
SELECT same_rows('SELECT id FROM names WHERE name ^@ ''épsilon2''', 'names_name');
SELECT same_rows('SELECT id FROM names WHERE name IS NULL', 'names_name');
SELECT same_rows('SELECT id FROM names WHERE name > ''beta''', 'names_name');
SELECT same_rows('SELECT id FROM names WHERE name BETWEEN ''a'' AND ''épsilon2''', 'names_name');
SELECT same_rows('SELECT id FROM names WHERE name <= ''Beta7'' AND name ^@ ''B''', 'names_name', 'bitmap');
-- no order from this index
SELECT same_rows('SELECT name FROM names WHERE name = ''zeta'' ORDER BY name', 'names_name');
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT plan_node('SELECT name FROM names ORDER BY name LIMIT 3', 'names_name');
SELECT plan_node('SELECT max(name) FROM names', 'names_name');
RESET enable_seqscan;
RESET enable_bitmapscan;
-- the index has its own collation
CREATE INDEX names_name_c ON names USING masstree (name COLLATE "C");
SELECT same_rows('SELECT id FROM names WHERE name COLLATE "C" > ''gamma''', 'names_name_c');
SELECT same_rows('SELECT name FROM names ORDER BY name COLLATE "C"', 'names_name_c');
SELECT masstree_check('names_name', true);
SELECT masstree_check('names_name_c', true);
-- the database's default collation, whatever it is
CREATE TABLE names_default AS SELECT id, name COLLATE "default" AS name FROM names;
CREATE INDEX names_default_name ON names_default USING masstree (name);
SELECT same_rows('SELECT id FROM names_default WHERE name = ''alpha6''', 'names_default_name');
SELECT same_rows('SELECT id FROM names_default WHERE name LIKE ''alpha1%''', 'names_default_name');
SELECT same_rows('SELECT id FROM names_default WHERE name >= ''gamma''', 'names_default_name');
SELECT masstree_check('names_default_name', true);
