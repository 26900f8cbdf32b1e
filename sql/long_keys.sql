-- Keys longer than any that btree takes, equal but for their last byte.
CREATE TABLE long (id int, t text COLLATE "C");
ALTER TABLE long ALTER t SET STORAGE EXTERNAL;
INSERT INTO long SELECT g, repeat('long key ', 300 + g % 10) || g % 20 FROM generate_series(1, 60) g;
INSERT INTO long VALUES (1001, repeat('x', 1048575) || 'a'), (1002, repeat('x', 1048575) || 'b'),
  (1003, repeat('x', 1048575)), (1004, repeat('x', 1048576)), (1005, NULL);
CREATE INDEX long_t ON long USING masstree (t);
SELECT same_rows('SELECT id FROM long WHERE t >= ''l''', 'long_t');
SELECT same_rows('SELECT id, length(t) FROM long WHERE t > repeat(''x'', 1048574)', 'long_t');
SELECT same_rows('SELECT id FROM long WHERE t = repeat(''x'', 1048575) || ''b''', 'long_t');
SELECT same_rows('SELECT id FROM long WHERE t LIKE repeat(''x'', 3000) || ''%b''', 'long_t');
SELECT same_rows('SELECT id FROM long WHERE t ^@ repeat(''x'', 1048575)', 'long_t');
SELECT same_rows('SELECT length(t), md5(t) FROM long ORDER BY t', 'long_t');
SELECT same_rows('SELECT length(t), md5(t) FROM long ORDER BY t DESC', 'long_t');
-- inserted one by one, and removed
INSERT INTO long VALUES (1006, repeat('x', 1048574) || 'ya'), (1007, repeat('y', 1048576)), (1008, repeat('y', 1048576));
SELECT same_rows('SELECT id FROM long WHERE t > repeat(''x'', 1048570)', 'long_t');
SELECT masstree_check('long_t', true);
DELETE FROM long WHERE id IN (1001, 1004, 1007);
VACUUM long;
SELECT same_rows('SELECT id FROM long WHERE t > repeat(''x'', 1048570)', 'long_t');
SELECT masstree_check('long_t', true);
-- compressed and short values are the same keys
ALTER TABLE long ALTER t SET STORAGE EXTENDED;
INSERT INTO long VALUES (2001, repeat('x', 1048575) || 'b'), (2002, repeat('long key ', 300) || '0');
SELECT same_rows('SELECT id FROM long WHERE t = repeat(''x'', 1048575) || ''b''', 'long_t');
SELECT same_rows('SELECT id FROM long WHERE t = repeat(''long key '', 300) || ''0''', 'long_t');
-- longer than any key may be
CREATE TABLE too_long (t text COLLATE "C");
CREATE INDEX too_long_t ON too_long USING masstree (t);
\set VERBOSITY sqlstate
INSERT INTO too_long VALUES (repeat('x', 17 * 1024 * 1024));
\set VERBOSITY default
SELECT count(*) FROM too_long;
