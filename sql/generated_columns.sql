-- Generated and identity columns, columns with defaults that no row holds yet.
CREATE TABLE gen (id int GENERATED ALWAYS AS IDENTITY, a int, path text COLLATE "C",
  twice bigint GENERATED ALWAYS AS (a::bigint * 2) STORED,
  folder text COLLATE "C" GENERATED ALWAYS AS (regexp_replace(path, '/[^/]*$', '')) STORED);
CREATE INDEX gen_twice ON gen USING masstree (twice);
CREATE INDEX gen_folder ON gen USING masstree (folder);
CREATE INDEX gen_half ON gen USING masstree ((twice / 4)) WHERE folder ^@ '/usr';
CREATE INDEX gen_id ON gen USING masstree (id);
INSERT INTO gen (a, path) SELECT g % 400, (ARRAY['/usr/lib', '/usr/share', '/etc'])[1 + g % 3] || '/' || g % 7 || '/' || g
  FROM generate_series(1, 1500) g;
INSERT INTO gen (a, path) VALUES (NULL, NULL), (2147483647, '/'), (-2147483648, '');
ANALYZE gen;
SELECT same_rows('SELECT id, twice FROM gen WHERE twice = 246', 'gen_twice');
SELECT same_rows('SELECT twice FROM gen WHERE twice > 600 ORDER BY twice', 'gen_twice');
SELECT same_rows('SELECT twice FROM gen ORDER BY twice DESC', 'gen_twice');
SELECT same_rows('SELECT id FROM gen WHERE folder = ''/usr/lib/3''', 'gen_folder');
SELECT same_rows('SELECT id FROM gen WHERE folder LIKE ''/usr/%''', 'gen_folder', 'bitmap');
SELECT same_rows('SELECT id FROM gen WHERE twice / 4 < 20 AND folder ^@ ''/usr''', 'gen_half');
SELECT same_rows('SELECT id FROM gen WHERE id BETWEEN 17 AND 20', 'gen_id');
-- the column follows what it is made from
UPDATE gen SET a = a + 1000 WHERE a % 3 = 0;
UPDATE gen SET path = '/opt/x/' || id WHERE folder = '/etc/2';
UPDATE gen SET path = path WHERE id % 4 = 0;
DELETE FROM gen WHERE twice < 100;
SELECT same_rows('SELECT twice FROM gen WHERE twice > 600 ORDER BY twice', 'gen_twice');
SELECT same_rows('SELECT id FROM gen WHERE folder ^@ ''/opt''', 'gen_folder');
SELECT same_rows('SELECT id FROM gen WHERE folder ^@ ''/etc''', 'gen_folder');
SELECT same_rows('SELECT id FROM gen WHERE twice / 4 < 20 AND folder ^@ ''/usr''', 'gen_half');
UPDATE gen SET twice = 5;
UPDATE gen SET a = DEFAULT WHERE id = 1200;
-- COPY, and an UPDATE that touches nothing indexed
COPY gen (a, path) FROM stdin;
77	/copy/a
78	/copy/b
\.
SELECT same_rows('SELECT twice FROM gen WHERE folder = ''/copy''', 'gen_folder');
SELECT masstree_check('gen_twice', true), masstree_check('gen_folder', true), masstree_check('gen_half', true), masstree_check('gen_id', true);
-- the expression goes, the values stay
ALTER TABLE gen ALTER twice DROP EXPRESSION;
UPDATE gen SET twice = 5 WHERE id = 1300;
SELECT same_rows('SELECT id FROM gen WHERE twice = 5', 'gen_twice');
ALTER TABLE gen DROP a;
SELECT same_rows('SELECT id, twice FROM gen WHERE twice > 600 ORDER BY twice, id', 'gen_twice', 'bitmap');
-- a default that the rows do not hold: it is read from the catalog
ALTER TABLE gen ADD flag int DEFAULT 42, ADD note text COLLATE "C" DEFAULT 'never written';
CREATE INDEX gen_flag ON gen USING masstree (flag);
CREATE INDEX gen_note ON gen USING masstree (note);
SELECT same_rows('SELECT id FROM gen WHERE flag = 42', 'gen_flag');
SELECT same_rows('SELECT id FROM gen WHERE note = ''never written''', 'gen_note');
UPDATE gen SET flag = 43 WHERE id % 2 = 0;
ALTER TABLE gen ALTER flag SET DEFAULT 44;
INSERT INTO gen (path) VALUES ('/usr/new');
SELECT same_rows('SELECT flag FROM gen WHERE flag >= 42 ORDER BY flag', 'gen_flag');
-- the same from a load instead of a build
ALTER TABLE gen ADD late text COLLATE "C" DEFAULT repeat('late ', 10);
CREATE INDEX gen_late ON gen USING masstree (late);
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE regress_mt_generated LOCATION '';
ALTER INDEX gen_late SET TABLESPACE regress_mt_generated;
SELECT same_rows('SELECT id FROM gen WHERE late ^@ ''late late''', 'gen_late');
SELECT masstree_check('gen_flag', true), masstree_check('gen_note', true), masstree_check('gen_late', true);
DROP TABLE gen;
DROP TABLESPACE regress_mt_generated;
