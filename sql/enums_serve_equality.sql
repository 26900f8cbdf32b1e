-- An enum column serves = and IN, also while its type gets new values between the old ones;
-- it is not used for an order or a range, which the type may change.
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE moods AS SELECT g AS id, (ARRAY['sad', 'ok', 'happy'])[1 + g % 3]::mood AS m FROM generate_series(1, 2000) g;
INSERT INTO moods VALUES (2001, NULL);
CREATE INDEX moods_m ON moods USING masstree (m);
ANALYZE moods;
SELECT same_rows('SELECT id FROM moods WHERE m = ''ok''', 'moods_m');
SELECT same_rows('SELECT id FROM moods WHERE m IN (''ok'', ''sad'', NULL)', 'moods_m', 'bitmap');
SELECT same_rows('SELECT id FROM moods WHERE m IS NULL', 'moods_m');
SELECT same_rows('SELECT count(*) FROM moods a JOIN moods b ON a.m = b.m AND a.id < 10', 'moods_m');
SELECT same_rows('SELECT id FROM moods WHERE m > ''ok''', 'moods_m');
SELECT same_rows('SELECT m FROM moods ORDER BY m', 'moods_m');
SELECT same_rows('SELECT max(m) FROM moods', 'moods_m');
-- a new value moves the places of the old ones; the tree lives on
DO $$ BEGIN FOR g IN 1 .. 40 LOOP EXECUTE format('ALTER TYPE mood ADD VALUE %L BEFORE ''happy''', 'so so ' || g); END LOOP; END $$;
INSERT INTO moods SELECT 3000 + g, ('so so ' || 1 + g % 40)::mood FROM generate_series(1, 200) g;
ALTER TYPE mood RENAME VALUE 'sad' TO 'glum';
SELECT same_rows('SELECT id FROM moods WHERE m = ''so so 7''', 'moods_m');
SELECT same_rows('SELECT id FROM moods WHERE m = ''happy''', 'moods_m');
SELECT same_rows('SELECT id FROM moods WHERE m = ''glum''', 'moods_m', 'bitmap');
SELECT same_rows('SELECT m, (SELECT count(*) FROM moods y WHERE y.m = x.m) FROM (SELECT DISTINCT m FROM moods) x', 'moods_m');
SELECT masstree_check('moods_m', true);
-- one value in one row
CREATE TABLE mood_once (m mood, EXCLUDE USING masstree (m WITH =));
INSERT INTO mood_once VALUES ('ok'), ('happy');
INSERT INTO mood_once VALUES ('ok');
-- all enums share the class
CREATE TYPE colour AS ENUM ('red', 'green');
CREATE TABLE colours AS SELECT 'red'::colour AS c FROM generate_series(1, 10) UNION ALL SELECT 'green';
CREATE INDEX colours_c ON colours USING masstree (c);
SELECT same_rows('SELECT c FROM colours WHERE c = ''green''', 'colours_c');
