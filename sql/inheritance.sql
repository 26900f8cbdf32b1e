-- Inheritance: each child has indexes of its own, of any kind; queries of the parent
-- read them together, in order where that is asked for.
SET client_min_messages = warning;
CREATE TABLE inh (id int, t text COLLATE "C");
CREATE TABLE inh_a (extra int) INHERITS (inh);
CREATE TABLE inh_b () INHERITS (inh);
CREATE TABLE inh_ab () INHERITS (inh_a, inh_b);
CREATE INDEX inh_t ON inh USING masstree (t);
CREATE INDEX inh_a_t ON inh_a USING masstree (t);
CREATE INDEX inh_b_t ON inh_b (t);
CREATE INDEX inh_ab_t ON inh_ab USING masstree (t DESC NULLS FIRST);
INSERT INTO inh SELECT g, 't' || g * 31 % 400 FROM generate_series(1, 400) g;
INSERT INTO inh_a SELECT g, 't' || g * 37 % 400, 0 FROM generate_series(401, 800) g;
INSERT INTO inh_b SELECT g, 't' || g * 41 % 400 FROM generate_series(801, 1200) g;
INSERT INTO inh_ab SELECT g, CASE WHEN g % 5 > 0 THEN 't' || g * 43 % 400 END, 0 FROM generate_series(1201, 1600) g;
ANALYZE inh, inh_a, inh_b, inh_ab;
SELECT set_mode('index');
EXPLAIN (COSTS OFF) SELECT t FROM inh WHERE t > 't3' ORDER BY t;
EXPLAIN (COSTS OFF) SELECT max(t) FROM inh;
SELECT reset_mode();
SELECT same_rows('SELECT id FROM inh WHERE t = ''t77''', 'inh_a_t');
SELECT same_rows('SELECT id FROM inh WHERE t = ''t77''', 'inh_ab_t', 'bitmap');
SELECT same_rows('SELECT id FROM ONLY inh WHERE t = ''t77''', 'inh_t');
SELECT same_rows('SELECT t FROM inh WHERE t > ''t3'' ORDER BY t', 'inh_ab_t');
SELECT same_rows('SELECT t FROM inh ORDER BY t DESC NULLS FIRST', 'inh_ab_t');
SELECT same_rows('SELECT min(t), max(t) FROM inh', 'inh_ab_t');
SELECT same_rows('SELECT tableoid::regclass, t FROM inh WHERE t LIKE ''t7%''', 'inh_a_t');
-- changes through the parent
UPDATE inh SET t = 'moved ' || t WHERE t < 't2';
DELETE FROM inh WHERE t = 't77' OR t ^@ 'moved t19';
UPDATE inh_a SET t = NULL WHERE t = 't300';
SELECT same_rows('SELECT id FROM inh WHERE t ^@ ''moved''', 'inh_a_t');
SELECT same_rows('SELECT t FROM inh WHERE t > ''m'' ORDER BY t', 'inh_t');
-- a child that leaves and one that comes
ALTER TABLE inh_a NO INHERIT inh;
SELECT same_rows('SELECT t FROM inh WHERE t > ''t3'' ORDER BY t', 'inh_ab_t');
CREATE TABLE inh_c (id int, t text COLLATE "C");
INSERT INTO inh_c SELECT g, 't' || g FROM generate_series(300, 320) g;
CREATE INDEX inh_c_t ON inh_c USING masstree (t);
ALTER TABLE inh_c INHERIT inh;
SELECT same_rows('SELECT t FROM inh WHERE t > ''t3'' ORDER BY t', 'inh_c_t');
-- what is excluded by a constraint is not read
ALTER TABLE inh_c ADD CHECK (id BETWEEN 300 AND 320);
SELECT same_rows('SELECT t FROM inh WHERE t > ''t3'' AND id = 1000 ORDER BY t', 'inh_c_t');
-- a column of the parent goes, with the indexes that have it
ALTER TABLE inh ADD n int DEFAULT 5;
CREATE INDEX inh_c_n ON inh_c USING masstree (n);
SELECT same_rows('SELECT id FROM inh_c WHERE n = 5', 'inh_c_n');
ALTER TABLE inh DROP n;
SELECT count(*) FROM pg_stat_masstree WHERE indexrelname = 'inh_c_n';
SELECT masstree_check('inh_t', true), masstree_check('inh_a_t', true), masstree_check('inh_ab_t', true), masstree_check('inh_c_t', true);
