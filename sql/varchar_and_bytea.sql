-- varchar uses the class of text; bytea keys have any bytes in them.
CREATE TABLE vc (id serial, v varchar(20) COLLATE "C", w varchar COLLATE "C");
INSERT INTO vc (v, w) SELECT substr(md5(g::text), 1, g % 20), md5(g::text) FROM generate_series(1, 1000) g;
INSERT INTO vc (v, w) VALUES (NULL, NULL), ('', ''), ('a ', 'a  ');
CREATE INDEX vc_v ON vc USING masstree (v);
CREATE INDEX vc_w ON vc USING masstree (w);
VACUUM ANALYZE vc;
SELECT same_rows('SELECT id FROM vc WHERE v = ''a ''', 'vc_v');
SELECT same_rows('SELECT id FROM vc WHERE v = ''a''', 'vc_v');
SELECT same_rows('SELECT v FROM vc WHERE v > ''5'' ORDER BY v', 'vc_v');
SELECT same_rows('SELECT id FROM vc WHERE v LIKE ''a%''', 'vc_v');
SELECT same_rows('SELECT id FROM vc WHERE w ^@ ''b''', 'vc_w');
SELECT same_rows('SELECT w FROM vc ORDER BY w DESC NULLS LAST', 'vc_w', 'index');
SELECT masstree_check('vc_v', true);

CREATE TABLE bin (id serial, b bytea);
INSERT INTO bin (b) SELECT decode(repeat('00', g % 20) || lpad(to_hex(g % 256), 2, '0') || repeat('ff', g % 3), 'hex')
  FROM generate_series(1, 2000) g;
INSERT INTO bin (b) VALUES (NULL), (''), ('\x00'), ('\x0000'), ('\xff'), ('\xffff'), ('\x00ff00');
-- keys that share a prefix of every length around multiples of eight, with embedded zeros
INSERT INTO bin (b) SELECT decode(repeat('ab', n) || tail, 'hex')
  FROM generate_series(5, 35) n, unnest(ARRAY['', '00', '0000', '01', 'ff', '00ff']) tail;
CREATE INDEX bin_b ON bin USING masstree (b);
VACUUM ANALYZE bin;
SELECT same_rows('SELECT b FROM bin ORDER BY b', 'bin_b');
SELECT same_rows('SELECT b FROM bin WHERE b >= ''\x00'' AND b < ''\x0000000001'' ORDER BY b', 'bin_b');
SELECT same_rows('SELECT id FROM bin WHERE b = ''\x00''', 'bin_b');
SELECT same_rows('SELECT id FROM bin WHERE b = ''''', 'bin_b');
SELECT same_rows('SELECT b FROM bin WHERE b > ''\xabababababababab'' ORDER BY b DESC', 'bin_b');
SELECT same_rows('SELECT id FROM bin WHERE b <= ''\x0000''', 'bin_b', 'bitmap');
SELECT masstree_check('bin_b', true);
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SELECT same_rows('SELECT x.id, y.id AS other FROM bin x JOIN bin y ON x.b = y.b', 'bin_b');
