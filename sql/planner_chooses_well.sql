-- Left alone, the planner takes the index where it helps and not where it hurts.
CREATE TABLE choose (id int, t text COLLATE "C", n int);
INSERT INTO choose SELECT g, md5(g::text), g FROM generate_series(1, 20000) g;
CREATE INDEX choose_t ON choose USING masstree (t);
CREATE INDEX choose_n ON choose USING masstree (n);
VACUUM ANALYZE choose;
SELECT plan_node('SELECT * FROM choose WHERE t = md5(''5'')', 'choose_t');
SELECT plan_node('SELECT * FROM choose WHERE n BETWEEN 5 AND 9', 'choose_n');
SELECT plan_node('SELECT * FROM choose WHERE n > 0', 'choose_n');
SELECT plan_node('SELECT * FROM choose ORDER BY t LIMIT 10', 'choose_t');
SELECT plan_node('SELECT * FROM choose ORDER BY n DESC LIMIT 10', 'choose_n');
SELECT plan_node('SELECT max(n) FROM choose', 'choose_n');
SELECT plan_node('SELECT * FROM choose WHERE t LIKE ''abc%''', 'choose_t') <> 'index not used' AS used;
SELECT plan_node('SELECT * FROM choose WHERE t LIKE ''%abc''', 'choose_t');
-- beside a btree on the same column it is taken for probes
CREATE INDEX choose_btree ON choose (t);
SELECT plan_node('SELECT * FROM choose WHERE t = md5(''5'')', 'choose_t');
-- a range over a libc collation reads the whole index: a sequential scan is better
CREATE COLLATION choose_libc (provider = libc, locale = 'C.UTF-8');
ALTER TABLE choose ADD l text COLLATE choose_libc;
UPDATE choose SET l = t;
CREATE INDEX choose_l ON choose USING masstree (l);
VACUUM ANALYZE choose;
SELECT plan_node('SELECT * FROM choose WHERE l > ''ffff''', 'choose_l');
SELECT plan_node('SELECT * FROM choose WHERE l = ''ffff''', 'choose_l');
