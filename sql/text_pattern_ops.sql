-- text_pattern_ops holds the bytes whatever the collation: equality, IN, LIKE and ^@
-- with constants, parameters and values of a join.
CREATE TABLE files (id serial, p text COLLATE "en-x-icu", v varchar(40) COLLATE "en-x-icu");
INSERT INTO files (p)
  SELECT '/usr/' || (ARRAY['lib', 'share', 'l%b', 'l_b', 'l\b', 'LIB', U&'l\00EDb', U&'l\+01F600b'])[1 + g % 8] ||
    '/' || g % 150 FROM generate_series(1, 2400) g;
INSERT INTO files (p) VALUES (NULL), (''), ('%'), ('_'), ('\'), ('/usr/lib'), ('/usr/lic'), (repeat(U&'\00E9', 10)),
  (U&'\00E9'), (U&'e\0301'), (U&'\+10FFFF'), (U&'\+10FFFFa'), (U&'/usr/lib/1\+10FFFF'), (U&'\00E8'), (U&'\00EA'),
  (U&'\007F'), (U&'\0080'), (U&'a\07FFb'), (U&'a\0800b'), (U&'a\D7FFb'), (U&'a\E000b'), (U&'a\FFFFb'), (U&'a\+010000b');
UPDATE files SET v = p;
CREATE INDEX files_p ON files USING masstree (p text_pattern_ops);
CREATE INDEX files_v ON files USING masstree (v varchar_pattern_ops);
VACUUM ANALYZE files;

CREATE TABLE file_patterns (pattern text COLLATE "en-x-icu");
INSERT INTO file_patterns VALUES ('/usr/lib/%'), ('/usr/lib/1%'), ('/usr/lib/10'), ('/usr/l_b/1%'), ('/usr/l\_b/1%'),
  ('/usr/l\%b/%'), ('/usr/l\\b/%'), ('/usr/l\ib/1%'), ('%'), (''), ('_'), ('\%'), ('\_'), ('\\'), ('%lib%'), ('_usr%'),
  ('/usr/lib/1_'), ('/usr/lib/%9'), ('nothing%'), (U&'\00E9%'), (U&'\00E9'), (U&'\00E9_%'), (U&'e%'), (U&'\+10FFFF%'),
  ('/usr/lib'), (NULL), (U&'/usr/lib/1\+10FFFF%'), (U&'\00E8%'), (U&'/usr/l\+01F600%'), (U&'/usr/l\00ED%'),
  (U&'\007F%'), (U&'a\07FF%'), (U&'a\D7FF%'), (U&'a\FFFF%'), (U&'a\E000_'), ('/USR%');
\pset format unaligned
SELECT pattern, same_rows(format('SELECT id FROM files WHERE p LIKE %L', pattern), 'files_p') AS "like",
    same_rows(format('SELECT id FROM files WHERE p ^@ %L', pattern), 'files_p') AS "^@"
  FROM file_patterns WHERE pattern IS NOT NULL ORDER BY pattern COLLATE "C";
\pset format aligned
SELECT same_rows('SELECT id FROM files WHERE p = ''/usr/lib/16''', 'files_p');
SELECT same_rows('SELECT id FROM files WHERE p IN (''/usr/lib/16'', ''/usr/LIB/5'', ''nothing'', '''')', 'files_p',
  'bitmap');
SELECT same_rows('SELECT id FROM files WHERE p LIKE ''/usr/l#_b/%'' ESCAPE ''#''', 'files_p');
SELECT same_rows('SELECT id FROM files WHERE p LIKE ''/usr/lib/%'' ESCAPE ''''', 'files_p');
SELECT same_rows('SELECT id FROM files WHERE p LIKE ''/usr/lib/1%''', 'files_p', 'bitmap');
SELECT same_rows('SELECT id FROM files WHERE p LIKE ''/usr/%'' AND p ^@ ''/usr/share/1'' AND p NOT LIKE ''%9''',
  'files_p');
SELECT same_rows('SELECT id FROM files WHERE p LIKE ANY (ARRAY[''/usr/lib/1%'', ''%9'', NULL])', 'files_p', 'bitmap');
SELECT same_rows('SELECT id FROM files WHERE p IS NULL', 'files_p');
-- varchar
SELECT same_rows('SELECT id FROM files WHERE v LIKE ''/usr/lib/1%''', 'files_v');
SELECT same_rows('SELECT id FROM files WHERE v ^@ ''/usr/lib/1''', 'files_v');
SELECT same_rows('SELECT id FROM files WHERE v = ''/usr/lib/16''', 'files_v');

-- The bytewise comparisons are in order, those of the collation are not.
SELECT same_rows('SELECT id FROM files WHERE p ~>=~ ''/usr/s'' AND p ~<~ ''/usr/share/2''', 'files_p');
SELECT same_rows('SELECT id FROM files WHERE p ~>~ ''/usr/share/99'' OR p ~<=~ ''%''', 'files_p', 'bitmap');
SELECT same_rows('SELECT p FROM files ORDER BY p USING ~<~', 'files_p');
SELECT same_rows('SELECT p FROM files ORDER BY p USING ~>~', 'files_p');
SELECT same_rows('SELECT p FROM files WHERE p LIKE ''/usr/l%'' ORDER BY p USING ~>~', 'files_p');
SELECT plan_node('SELECT p FROM files WHERE p ^@ ''/usr/lib/1'' ORDER BY p', 'files_p');
SET enable_seqscan = off;
SELECT plan_node('SELECT p FROM files WHERE p > ''a''', 'files_p');
SELECT plan_node('SELECT p FROM files ORDER BY p', 'files_p');
RESET enable_seqscan;
-- equality of the collation and of the bytes is the same: so a merge join can use it
CREATE TABLE same_files AS SELECT * FROM files WHERE id % 7 = 0;
CREATE INDEX same_files_p ON same_files USING masstree (p text_pattern_ops);
ANALYZE same_files;
SET enable_hashjoin = off;
SET enable_nestloop = off;
SELECT same_rows('SELECT a.id, b.id AS b FROM files a JOIN same_files b ON a.p = b.p', 'files_p');
RESET enable_nestloop;

-- values of a join
SET enable_mergejoin = off;
SET enable_material = off;
SELECT same_rows('SELECT pattern, id FROM file_patterns, files WHERE p LIKE pattern', 'files_p');
SELECT same_rows('SELECT pattern, id FROM file_patterns, files WHERE p ^@ pattern', 'files_p');
SELECT same_rows('SELECT a.id, b.id AS b FROM files a JOIN same_files b ON a.p = b.p', 'files_p');
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_material;

-- parameters
SET plan_cache_mode = force_generic_plan;
PREPARE files_like (text) AS SELECT count(*) FROM files WHERE p LIKE $1;
PREPARE files_prefix (text) AS SELECT count(*) FROM files WHERE p ^@ $1;
EXPLAIN (COSTS OFF) EXECUTE files_like ('/usr/lib/%');
EXECUTE files_like ('/usr/lib/%');
EXECUTE files_like ('%9');
EXECUTE files_like (NULL);
EXPLAIN (COSTS OFF) EXECUTE files_prefix ('/usr/lib/');
EXECUTE files_prefix ('/usr/lib/');
EXECUTE files_prefix ('');
EXECUTE files_prefix (NULL);
RESET plan_cache_mode;

-- Not indexable: PostgreSQL derives conditions from starts_with only for a class
-- with btree's operators in the C collation (and from constants), and none of
-- ours from the others.  ^@ is the operator of starts_with.
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM files WHERE starts_with(p, '/usr/lib/1');
EXPLAIN (COSTS OFF) SELECT id FROM files WHERE p ILIKE '/usr/lib/1%';
EXPLAIN (COSTS OFF) SELECT id FROM files WHERE p ~ '^/usr/lib/1';
EXPLAIN (COSTS OFF) SELECT id FROM files WHERE p SIMILAR TO '/usr/lib/1%';
RESET enable_seqscan;

-- the class under the other providers
CREATE COLLATION libc_pattern (provider = libc, locale = 'C.UTF-8');
CREATE INDEX files_libc ON files USING masstree ((p COLLATE libc_pattern) text_pattern_ops);
CREATE INDEX files_c ON files USING masstree ((p COLLATE "C") text_pattern_ops);
CREATE INDEX files_default ON files USING masstree ((p COLLATE "default") text_pattern_ops);
SELECT same_rows('SELECT id FROM files WHERE p COLLATE libc_pattern LIKE ''/usr/l_b/1%''', 'files_libc');
SELECT same_rows('SELECT p FROM files ORDER BY p COLLATE libc_pattern USING ~<~', 'files_libc');
SELECT same_rows('SELECT id FROM files WHERE p COLLATE "C" LIKE ''/usr/l_b/1%''', 'files_c');
SELECT same_rows('SELECT id FROM files WHERE p COLLATE "default" ^@ ''/usr/lib''', 'files_default');

-- Changes, and what is kept.
UPDATE files SET p = upper(p) WHERE id % 5 = 0;
DELETE FROM files WHERE id % 5 = 1;
VACUUM files;
SELECT same_rows('SELECT id FROM files WHERE p LIKE ''/USR/%''', 'files_p');
SELECT masstree_check('files_p', true);
SELECT masstree_check('files_v', true);
SELECT masstree_check('files_libc', true);
