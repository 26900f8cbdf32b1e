-- EXCLUDE USING masstree keeps keys unique, in one session.
CREATE TABLE ex (id int, t text COLLATE "C", EXCLUDE USING masstree (t WITH =));
INSERT INTO ex SELECT g, 'key ' || g FROM generate_series(1, 500) g;
INSERT INTO ex VALUES (501, 'key 7');
INSERT INTO ex VALUES (501, NULL), (502, NULL);
UPDATE ex SET t = 'key 8' WHERE id = 7;
UPDATE ex SET t = 'key seven' WHERE id = 7;
INSERT INTO ex VALUES (503, 'key 7');
UPDATE ex SET id = id + 1000 WHERE id % 10 = 0;
-- the same key again in one statement, and moved along
INSERT INTO ex VALUES (504, 'twice'), (505, 'twice');
DELETE FROM ex WHERE t = 'key 9';
INSERT INTO ex VALUES (506, 'key 9');
BEGIN;
DELETE FROM ex WHERE t = 'key 11';
INSERT INTO ex VALUES (507, 'key 11');
SAVEPOINT s;
INSERT INTO ex VALUES (508, 'key 11');
ROLLBACK TO s;
COMMIT;
-- ON CONFLICT
INSERT INTO ex VALUES (509, 'key 9') ON CONFLICT DO NOTHING;
INSERT INTO ex VALUES (509, 'key 9') ON CONFLICT ON CONSTRAINT ex_t_excl DO NOTHING;
INSERT INTO ex VALUES (510, 'key 510') ON CONFLICT DO NOTHING;
INSERT INTO ex VALUES (509, 'key 9') ON CONFLICT ON CONSTRAINT ex_t_excl DO UPDATE SET id = 1;
SELECT count(*), count(DISTINCT t) FROM ex;
SELECT masstree_check('ex_t_excl', true);
-- deferred
CREATE TABLE ex_later (n int, EXCLUDE USING masstree (n WITH =) DEFERRABLE INITIALLY DEFERRED);
INSERT INTO ex_later SELECT generate_series(1, 10);
BEGIN;
UPDATE ex_later SET n = n + 1;
COMMIT;
SELECT array_agg(n ORDER BY n) FROM ex_later;
BEGIN;
INSERT INTO ex_later VALUES (5);
COMMIT;
SELECT count(*) FROM ex_later;
-- on rows that are there
CREATE TABLE ex_add AS SELECT g % 100 AS n FROM generate_series(1, 200) g;
ALTER TABLE ex_add ADD EXCLUDE USING masstree (n WITH =);
DELETE FROM ex_add a USING ex_add b WHERE a.n = b.n AND a.ctid > b.ctid;
ALTER TABLE ex_add ADD EXCLUDE USING masstree (n WITH =);
INSERT INTO ex_add VALUES (7);
-- for some rows only, and on an expression
CREATE TABLE ex_part (t text COLLATE "C", live boolean, EXCLUDE USING masstree (lower(t) WITH =) WHERE (live));
INSERT INTO ex_part VALUES ('A', true), ('a', false), ('B', true);
INSERT INTO ex_part VALUES ('b', true);
UPDATE ex_part SET live = true WHERE t = 'a';
-- an operator that the class lacks
CREATE TABLE ex_bad (t text, EXCLUDE USING masstree (t WITH <>));
