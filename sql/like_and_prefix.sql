-- LIKE and ^@ use the index, with constants, parameters and values of a join, and
-- mean what they mean without it.
CREATE TABLE paths (id serial, p text COLLATE "C");
INSERT INTO paths (p)
  SELECT '/usr/' || (ARRAY['lib', 'share', 'l%b', 'l_b', 'l\b', 'LIB'])[1 + g % 6] || '/' || g % 200
  FROM generate_series(1, 3000) g;
INSERT INTO paths (p) VALUES (NULL), (''), ('%'), ('_'), ('\'), ('/usr/lib'), ('/usr/lic'), (repeat('é', 10)),
  ('é'), (chr(1114111)), (chr(1114111) || 'a'), ('/usr/lib/1' || chr(1114111));
CREATE INDEX paths_p ON paths USING masstree (p);
VACUUM ANALYZE paths;

CREATE TABLE patterns (pattern text COLLATE "C");
INSERT INTO patterns VALUES ('/usr/lib/%'), ('/usr/lib/1%'), ('/usr/lib/10'), ('/usr/l_b/1%'), ('/usr/l\_b/1%'),
  ('/usr/l\%b/%'), ('/usr/l\\b/%'), ('/usr/l\ib/1%'), ('%'), (''), ('_'), ('\%'), ('\_'), ('\\'), ('%lib%'), ('_usr%'),
  ('/usr/lib/1_'), ('/usr/lib/%9'), ('nothing%'), ('é%'), ('é'), (chr(1114111) || '%'), ('/usr/lib'), (NULL),
  ('/usr/lib/1' || chr(1114111) || '%');
SELECT pattern, same_rows(format('SELECT id FROM paths WHERE p LIKE %L', pattern), 'paths_p')
  FROM patterns WHERE pattern IS NOT NULL ORDER BY pattern;
SELECT pattern, same_rows(format('SELECT id FROM paths WHERE p ^@ %L', pattern), 'paths_p')
  FROM patterns WHERE pattern IS NOT NULL ORDER BY pattern;
-- other words for the same operators
SELECT same_rows('SELECT id FROM paths WHERE starts_with(p, ''/usr/lib/1'')', 'paths_p');
SELECT same_rows('SELECT id FROM paths WHERE p ~~ ''/usr/lib/1%''', 'paths_p');
SELECT same_rows('SELECT id FROM paths WHERE p LIKE ''/usr/l#_b/%'' ESCAPE ''#''', 'paths_p');
SELECT same_rows('SELECT id FROM paths WHERE p LIKE ''/usr/lib/%'' AND p > ''/usr/lib/3''', 'paths_p');
SELECT same_rows('SELECT id FROM paths WHERE p LIKE ''/usr/%'' AND p ^@ ''/usr/share/1'' AND p NOT LIKE ''%9''', 'paths_p');
SELECT same_rows('SELECT p FROM paths WHERE p LIKE ''/usr/%'' ORDER BY p', 'paths_p');
SELECT same_rows('SELECT p FROM paths WHERE p ^@ ''/usr/'' ORDER BY p DESC', 'paths_p');
SELECT same_rows('SELECT id FROM paths WHERE p LIKE ''/usr/lib/1%''', 'paths_p', 'bitmap');
SELECT same_rows('SELECT id FROM paths WHERE p LIKE ''/usr/l_b/1%''', 'paths_p', 'bitmap');
SELECT same_rows('SELECT id FROM paths WHERE p ^@ ''/usr/lib/1''', 'paths_p', 'bitmap');

-- values of a join
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SELECT same_rows('SELECT pattern, id FROM patterns, paths WHERE p LIKE pattern', 'paths_p');
SELECT same_rows('SELECT pattern, id FROM patterns, paths WHERE p ^@ pattern', 'paths_p');

-- parameters
SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
PREPARE by_like (text) AS SELECT count(*) FROM paths WHERE p LIKE $1;
PREPARE by_prefix (text) AS SELECT count(*) FROM paths WHERE p ^@ $1;
EXPLAIN (COSTS OFF) EXECUTE by_like ('/usr/lib/%');
EXECUTE by_like ('/usr/lib/%');
EXECUTE by_like ('/usr/l\%b/%');
EXECUTE by_like (NULL);
EXPLAIN (COSTS OFF) EXECUTE by_prefix ('/usr/lib/');
EXECUTE by_prefix ('/usr/lib/');
EXECUTE by_prefix ('');
EXECUTE by_prefix (NULL);
-- a pattern that ends in the middle of an escape
EXECUTE by_like ('/usr/lib/1\');
SET enable_indexscan = off;
SET enable_seqscan = on;
EXECUTE by_like ('/usr/lib/1\');
