-- character(n): trailing blanks do not count in comparisons, and do in LIKE.
SELECT setseed(0.3);
CREATE TABLE bpchar_source AS
  SELECT x AS v FROM (SELECT unnest(ARRAY['', ' ', '   ', 'a', 'a ', 'a  ', ' a', 'a b', 'a  b', 'ab', 'A', 'é', 'a!', 'a' || chr(1), chr(1), 'a' || chr(1) || ' ', E'a\tb',
    'a_b', 'a%', '\', 'a\', repeat('y', 300), repeat('y', 300) || ' ', repeat('y', 300) || 'z', repeat(' ', 300), repeat(' ', 300) || 'q'])
    UNION ALL SELECT left(md5(random()::text), (random() * 6)::int) || repeat(' ', (random() * 4)::int) FROM generate_series(1, 1500)
    UNION ALL SELECT translate(left(md5(random()::text), (random() * 10)::int), '0123456789', '      ') FROM generate_series(1, 600)) s(x);
SELECT check_type('bpchar COLLATE "C"', 'SELECT v::bpchar FROM bpchar_source');
SELECT same_rows('SELECT id, length(v), v || ''.'' FROM typed WHERE v = ''a''', 'typed_v');
SELECT same_rows('SELECT id FROM typed WHERE v = ''a    ''', 'typed_v');
SELECT same_rows('SELECT id FROM typed WHERE v = ''''', 'typed_v');
SELECT same_rows('SELECT id FROM typed WHERE v IN (''a'', ''ab  '', ''nobody'')', 'typed_v', 'bitmap');
CREATE TABLE bpchar_pattern (n serial, p text);
INSERT INTO bpchar_pattern (p) VALUES ('a%'), ('a'), ('a '), ('a  '), ('a %'), ('a  %b'), ('%'), (''), (' '), (' %'), ('   '), ('a_'), ('a__'), ('a_b%'), ('a\_b%'), ('a\ '), ('a\ %'),
  ('a\\'), ('a\\%'), (repeat('y', 300) || '%'), (repeat('y', 300) || ' '), (repeat('y', 300) || ' %'), ('y%'), (repeat(' ', 300) || 'q'), (repeat(' ', 310) || '%'), (NULL), ('é%'), ('%a'), ('1% '), ('_');
SELECT same_rows('SELECT n, s.* FROM bpchar_pattern, LATERAL (SELECT count(*), sum(id) FROM typed WHERE v LIKE p) s', 'typed_v');
SELECT same_rows('SELECT n, s.* FROM bpchar_pattern, LATERAL (SELECT count(*), sum(id) FROM typed WHERE v LIKE p) s', 'typed_v', 'bitmap');
SELECT same_rows('SELECT id FROM typed WHERE v LIKE ''a %''', 'typed_v');
SELECT same_rows('SELECT id FROM typed WHERE v LIKE ''ab%''', 'typed_v');
SELECT count(*) FROM typed WHERE v LIKE 'a' || chr(92);
SET enable_seqscan = off;
SELECT count(*) FROM typed WHERE v LIKE 'a' || chr(92);
RESET enable_seqscan;
SELECT check_type('char(8) COLLATE "C"', 'SELECT left(v, 8)::char(8) FROM bpchar_source');
SELECT same_rows('SELECT id, v FROM typed WHERE v LIKE ''a %'' OR v LIKE ''ab%''', 'typed_v', 'bitmap');
-- a value of many blanks is a short key, and a pattern of many finds it
CREATE TABLE blanks (v bpchar COLLATE "C");
INSERT INTO blanks VALUES ('b' || repeat(' ', 200000)), ('b'), ('b' || repeat(' ', 100) || 'c');
CREATE INDEX blanks_v ON blanks USING masstree (v);
ANALYZE blanks;
SELECT same_rows('SELECT octet_length(v) FROM blanks WHERE v = ''b''', 'blanks_v');
SELECT same_rows('SELECT octet_length(v) FROM blanks WHERE v LIKE ''b'' || repeat('' '', 190000) || ''%''', 'blanks_v');
SELECT same_rows('SELECT octet_length(v) FROM blanks WHERE v > (''b'' || repeat('' '', 50) || ''a'')::bpchar', 'blanks_v');
-- a libc collation: equality and patterns are served
CREATE COLLATION IF NOT EXISTS bpchar_libc (provider = libc, locale = 'C.UTF-8');
CREATE TABLE characters AS SELECT row_number() OVER () AS id, v::bpchar COLLATE bpchar_libc AS v FROM bpchar_source;
CREATE INDEX characters_v ON characters USING masstree (v);
ANALYZE characters;
SELECT same_rows('SELECT id FROM characters WHERE v = ''ab ''', 'characters_v');
SELECT same_rows('SELECT id FROM characters WHERE v < ''ab ''', 'characters_v');
SELECT same_rows('SELECT n, s.* FROM bpchar_pattern, LATERAL (SELECT count(*), sum(id) FROM characters WHERE v LIKE p) s', 'characters_v');
SELECT masstree_check('characters_v', true);
