-- Updates, deletes, HOT updates, VACUUM and dead entries met by scans: index and
-- table agree all along, and what was deleted gives its memory back.
CREATE TABLE changes (id int, t text COLLATE "C", other int) WITH (autovacuum_enabled = off, fillfactor = 60);
CREATE INDEX changes_t ON changes USING masstree (t);
SELECT bytes AS empty_bytes FROM masstree_stats('changes_t') \gset
INSERT INTO changes SELECT g, 'key ' || g % 1000, 0 FROM generate_series(1, 5000) g;
SELECT same_rows('SELECT id, t FROM changes WHERE t >= ''key''', 'changes_t');
UPDATE changes SET t = 'new ' || t WHERE id % 3 = 0;
UPDATE changes SET other = other + 1 WHERE id % 2 = 0;
UPDATE changes SET other = other + 1 WHERE id % 4 = 0;
DELETE FROM changes WHERE id % 7 = 0;
SELECT same_rows('SELECT id, t FROM changes WHERE t >= ''key''', 'changes_t');
SELECT same_rows('SELECT t FROM changes ORDER BY t', 'changes_t');
SELECT masstree_check('changes_t', true);
VACUUM changes;
SELECT same_rows('SELECT id, t FROM changes WHERE t >= ''key''', 'changes_t');
SELECT same_rows('SELECT t FROM changes ORDER BY t', 'changes_t');
SELECT masstree_check('changes_t', true);
-- the same places are used again
INSERT INTO changes SELECT g, 'again ' || g % 1000, 0 FROM generate_series(10001, 12000) g;
UPDATE changes SET t = NULL WHERE id % 11 = 0;
UPDATE changes SET t = 'was null' WHERE id % 121 = 0;
SELECT same_rows('SELECT id, t FROM changes WHERE t >= ''''', 'changes_t');
SELECT same_rows('SELECT id FROM changes WHERE t IS NULL', 'changes_t');
VACUUM changes;
SELECT same_rows('SELECT id FROM changes WHERE t IS NULL', 'changes_t');
SELECT masstree_check('changes_t', true);

-- scans that meet dead rows again and again
DELETE FROM changes WHERE t ^@ 'again 1';
SELECT same_rows('SELECT id, t FROM changes WHERE t ^@ ''again''', 'changes_t');
SELECT same_rows('SELECT id, t FROM changes WHERE t ^@ ''again''', 'changes_t');
SELECT same_rows('SELECT t FROM changes WHERE t ^@ ''again'' ORDER BY t DESC', 'changes_t');
INSERT INTO changes SELECT g, 'again 1', 0 FROM generate_series(20001, 20100) g;
SELECT same_rows('SELECT id, t FROM changes WHERE t ^@ ''again''', 'changes_t');
SELECT masstree_check('changes_t', true);

-- a transaction that changed its mind
BEGIN;
INSERT INTO changes SELECT g, 'rolled back ' || g, 0 FROM generate_series(30001, 30500) g;
DELETE FROM changes WHERE t ^@ 'key 1';
SELECT same_rows('SELECT id, t FROM changes WHERE t >= ''''', 'changes_t');
ROLLBACK;
SELECT same_rows('SELECT id, t FROM changes WHERE t >= ''''', 'changes_t');
VACUUM changes;
SELECT masstree_check('changes_t', true);

-- all of it goes
DELETE FROM changes;
VACUUM changes;
SELECT same_rows('SELECT id, t FROM changes WHERE t >= ''''', 'changes_t');
SELECT masstree_check('changes_t', true);
SELECT keys, tids, bytes = :empty_bytes AS as_small_as_new FROM masstree_stats('changes_t');
INSERT INTO changes VALUES (1, 'a', 0), (2, 'b', 0);
SELECT same_rows('SELECT id, t FROM changes ORDER BY t', 'changes_t');
-- VACUUM FULL and CLUSTER move everything
INSERT INTO changes SELECT g, 'key ' || g % 1000, 0 FROM generate_series(1, 3000) g;
DELETE FROM changes WHERE id % 2 = 0;
VACUUM FULL changes;
SELECT same_rows('SELECT id, t FROM changes WHERE t >= ''''', 'changes_t');
SELECT masstree_check('changes_t', true);
CREATE INDEX changes_id ON changes (id);
CLUSTER changes USING changes_id;
SELECT same_rows('SELECT id, t FROM changes WHERE t >= ''''', 'changes_t');
SELECT masstree_check('changes_t', true);
-- parallel VACUUM
SET min_parallel_index_scan_size = 0;
DELETE FROM changes WHERE id % 3 = 0;
VACUUM (PARALLEL 2) changes;
RESET min_parallel_index_scan_size;
SELECT same_rows('SELECT id, t FROM changes WHERE t >= ''''', 'changes_t');
SELECT masstree_check('changes_t', true);
