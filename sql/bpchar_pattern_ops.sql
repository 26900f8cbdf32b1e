-- bpchar_pattern_ops holds the bytes without the trailing blanks, whatever the collation:
-- its order, equality and LIKE.
CREATE TABLE padded (id serial, c character(12) COLLATE "en-x-icu", v bpchar COLLATE "en-x-icu");
INSERT INTO padded (v)
  SELECT (ARRAY['lib', 'share', 'l%b', 'l_b', 'l\b', 'LIB', U&'l\00EDb', ' lib'])[1 + g % 8] || repeat(' ', g % 3) || g % 40 || repeat(' ', g % 4)
  FROM generate_series(1, 1200) g;
INSERT INTO padded (v) VALUES (NULL), (''), (' '), ('    '), ('a'), ('a '), ('a  '), ('a!'), ('a' || chr(1)), ('a' || chr(1) || ' '), (E'a\tb'), ('A'), (U&'\00E9'),
  (U&'e\0301'), (U&'\+10FFFF'), (chr(1)), ('%'), ('_'), ('\'), ('a\');
UPDATE padded SET c = v;
CREATE INDEX padded_c ON padded USING masstree (c bpchar_pattern_ops);
CREATE INDEX padded_v ON padded USING masstree (v bpchar_pattern_ops);
VACUUM ANALYZE padded;
SELECT same_rows('SELECT c FROM padded ORDER BY c USING ~<~', 'padded_c');
SELECT same_rows('SELECT v::text AS x FROM padded ORDER BY v USING ~>~', 'padded_v');
SELECT same_rows('SELECT id FROM padded WHERE v ~>=~ ''l'' AND v ~<~ ''lib   2''', 'padded_v');
SELECT same_rows('SELECT id FROM padded WHERE v ~>~ ''a '' AND v ~<=~ ''a!''', 'padded_v');
SELECT same_rows('SELECT id FROM padded WHERE c ~<=~ ''a   ''', 'padded_c', 'bitmap');
SELECT same_rows('SELECT id, c FROM padded WHERE c = ''lib24''', 'padded_c');
SELECT same_rows('SELECT id, v FROM padded WHERE v = ''a   ''', 'padded_v');
SELECT same_rows('SELECT id FROM padded WHERE v IN (''a'', '''', ''LIB  5'', NULL)', 'padded_v', 'bitmap');
SELECT same_rows('SELECT id FROM padded WHERE v IS NULL', 'padded_v');
-- LIKE sees the blanks
CREATE TABLE padded_patterns (pattern text);
INSERT INTO padded_patterns VALUES ('lib%'), ('lib %'), ('lib  %'), ('lib_24'), ('lib24'), ('lib24 '), ('lib24   '), ('lib2%'), ('l\_b%'), ('l_b1%'), ('l\%b%'), ('l\\b%'), ('a'),
  ('a '), ('a  '), ('a   '), ('a %'), ('a_'), (''), (' '), (' %'), ('%'), ('%5'), ('%5 '), (U&'l\00EDb%'), (U&'\00E9%'), (' lib 1%'), ('L%'), ('a\\'), (U&'\+10FFFF%');
\pset format unaligned
SELECT pattern || '.' AS pattern, same_rows(format('SELECT id FROM padded WHERE v LIKE %L', pattern), 'padded_v') AS v,
    same_rows(format('SELECT id FROM padded WHERE c LIKE %L', pattern), 'padded_c') AS c
  FROM padded_patterns ORDER BY pattern COLLATE "C";
\pset format aligned
SELECT same_rows('SELECT pattern, id FROM padded_patterns, padded WHERE v LIKE pattern', 'padded_v');
-- the order of the collation is another
SET enable_seqscan = off;
SELECT plan_node('SELECT v FROM padded ORDER BY v', 'padded_v');
SELECT plan_node('SELECT v FROM padded WHERE v > ''a''', 'padded_v');
RESET enable_seqscan;
-- under the other providers, and of several columns
CREATE COLLATION padded_libc (provider = libc, locale = 'C.UTF-8');
CREATE COLLATION padded_nondeterministic (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE INDEX padded_libc ON padded USING masstree ((v COLLATE padded_libc) bpchar_pattern_ops DESC, id);
CREATE INDEX padded_default ON padded USING masstree ((v COLLATE "default") bpchar_pattern_ops);
CREATE INDEX ON padded USING masstree ((v COLLATE padded_nondeterministic) bpchar_pattern_ops);
CREATE INDEX ON padded USING masstree (id bpchar_pattern_ops);
SELECT same_rows('SELECT id FROM padded WHERE v COLLATE padded_libc LIKE ''l_b%''', 'padded_libc');
SELECT same_rows('SELECT v COLLATE padded_libc AS x, id FROM padded ORDER BY v COLLATE padded_libc USING ~>~, id', 'padded_libc');
SELECT same_rows('SELECT id, c FROM padded WHERE v COLLATE "default" ~<~ ''b''', 'padded_default');
UPDATE padded SET v = upper(v) || ' ' WHERE id % 5 = 0;
DELETE FROM padded WHERE id % 5 = 1;
VACUUM padded;
SELECT same_rows('SELECT id, c FROM padded WHERE v LIKE ''L%''', 'padded_v');
SELECT masstree_check('padded_c', true), masstree_check('padded_v', true), masstree_check('padded_libc', true), masstree_check('padded_default', true);
