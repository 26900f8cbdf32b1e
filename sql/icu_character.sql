-- character(n) and name under ICU collations: the same keys, of the string without
-- trailing blanks.
CREATE COLLATION icu_char_ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE icu_char (id serial, c char(8) COLLATE "sv-x-icu", i char(8) COLLATE icu_char_ci,
  n name COLLATE "sv-x-icu");
INSERT INTO icu_char (c)
  SELECT a || b || d FROM unnest(ARRAY['', ' ', 'a', 'A', U&'\00E4', U&'a\0308', 'z', U&'\00E5', U&'\200B']) a,
    unnest(ARRAY['', '  ', '-', 'b', 'B', '1', U&'\00AD']) b, unnest(ARRAY['', ' ', 'x', 'X']) d;
UPDATE icu_char SET i = c, n = c;
INSERT INTO icu_char VALUES (0, NULL, NULL, NULL);
CREATE INDEX icu_char_c ON icu_char USING masstree (c);
CREATE INDEX icu_char_i ON icu_char USING masstree (i);
CREATE INDEX icu_char_n ON icu_char USING masstree (n);
VACUUM ANALYZE icu_char;
SELECT same_rows('SELECT c FROM icu_char ORDER BY c', 'icu_char_c');
SELECT same_rows('SELECT n FROM icu_char ORDER BY n DESC', 'icu_char_n');
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SELECT op, same_rows(format('SELECT a.id, b.id AS b FROM icu_char a, icu_char b WHERE b.%s %s a.%1$s AND a.id %% 5 = 1',
    col, op), 'icu_char_' || col)
  FROM unnest(ARRAY['c', 'i', 'n']) col, unnest(ARRAY['=', '<', '>=']) op;
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_material;
SELECT same_rows('SELECT id FROM icu_char WHERE i = ''AX''', 'icu_char_i');
SELECT pattern, same_rows(format('SELECT id FROM icu_char WHERE c LIKE %L', pattern), 'icu_char_c')
  FROM unnest(ARRAY['a', 'a       ', 'a%', 'a %', 'a_______', '%x', ' %', '']) pattern;
SELECT masstree_check('icu_char_c', true), masstree_check('icu_char_i', true), masstree_check('icu_char_n', true);
