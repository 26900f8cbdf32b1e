-- What EXPLAIN ANALYZE, the statistics views and the planner's statistics say of a
-- masstree index, beside a btree.
CREATE TABLE es (id int, t text COLLATE "C", u text COLLATE "C", other int) WITH (fillfactor = 50, autovacuum_enabled = off);
INSERT INTO es SELECT g, 't' || g % 250, 't' || g % 250, 0 FROM generate_series(1, 1000) g;
CREATE INDEX es_t ON es USING masstree (t);
CREATE INDEX es_u ON es (u);
VACUUM ANALYZE es;
SELECT set_mode('index');
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT * FROM es WHERE t = 't77';
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT * FROM es WHERE t LIKE 't_7';
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT * FROM es WHERE t > 't2' AND other = 1 ORDER BY t LIMIT 3;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT * FROM es ORDER BY t DESC LIMIT 3;
SELECT set_mode('bitmap');
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT * FROM es WHERE t IN ('t7', 't8');
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT * FROM es WHERE t = 't7' AND u = 't7';
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT * FROM es WHERE t = 't7' OR u = 't8';
SELECT reset_mode();
-- one query, both indexes: the planner expects the same number of rows
CREATE FUNCTION expected(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
  RETURN plan->0->'Plan'->>'Plan Rows';
END $$;
SELECT clause, expected('SELECT * FROM es WHERE t ' || clause) = expected('SELECT * FROM es WHERE u ' || clause) AS same
  FROM (VALUES ('= ''t77'''), ('> ''t2'''), ('BETWEEN ''t2'' AND ''t25'''), ('LIKE ''t1%'''), ('^@ ''t1'''), ('IS NULL'),
               ('IN (''t1'', ''t2'')'), ('<> ''t1''')) c(clause);

-- counted like a btree
SELECT pg_stat_force_next_flush();
BEGIN;
SELECT set_mode('index');
SELECT count(id) FROM es WHERE t = 't77';
SELECT count(id) FROM es WHERE u = 't77';
SELECT count(id) FROM es WHERE t > 't2';
SELECT count(id) FROM es WHERE u > 't2';
SELECT set_mode('bitmap');
SELECT count(id) FROM es WHERE t > 't2';
SELECT count(id) FROM es WHERE u > 't2';
SELECT reset_mode();
SELECT pg_stat_get_xact_numscans('es_t'::regclass) AS scans, pg_stat_get_xact_tuples_returned('es_t'::regclass) AS read,
       pg_stat_get_xact_tuples_fetched('es_t'::regclass) AS fetched
UNION ALL
SELECT pg_stat_get_xact_numscans('es_u'::regclass), pg_stat_get_xact_tuples_returned('es_u'::regclass),
       pg_stat_get_xact_tuples_fetched('es_u'::regclass);
COMMIT;
SELECT pg_stat_force_next_flush();
SELECT idx_scan > 0 AS scans, idx_tup_read > 0 AS read FROM pg_stat_user_indexes WHERE indexrelname = 'es_t';
SELECT count(*) FROM pg_statio_user_indexes WHERE indexrelname = 'es_t';

-- HOT: an update that leaves the indexed columns alone adds no entry
SELECT tids AS tids_before FROM masstree_stats('es_t') \gset
SELECT pg_stat_force_next_flush();
BEGIN;
UPDATE es SET other = other + 1 WHERE id % 10 = 0;
SELECT pg_stat_get_xact_tuples_hot_updated('es'::regclass) > 90 AS hot;
COMMIT;
SELECT tids = :tids_before AS none_added FROM masstree_stats('es_t');
SELECT pg_stat_force_next_flush();
BEGIN;
UPDATE es SET t = t || 'x' WHERE id % 100 = 0;
SELECT pg_stat_get_xact_tuples_hot_updated('es'::regclass) AS hot;
COMMIT;
SELECT tids = :tids_before + 10 AS added FROM masstree_stats('es_t');
SELECT same_rows('SELECT id, other FROM es WHERE t > ''t2''', 'es_t');
VACUUM es;
SELECT tids = :tids_before AS as_before FROM masstree_stats('es_t');
SELECT masstree_check('es_t', true);

-- ANALYZE keeps statistics of expressions, and pg_class knows the rows
CREATE INDEX es_expr ON es USING masstree ((id % 4));
ANALYZE es;
SELECT n_distinct, array_length(most_common_freqs, 1) FROM pg_stats WHERE tablename = 'es_expr';
SELECT expected('SELECT * FROM es WHERE id % 4 = 1') BETWEEN 200 AND 300 AS sensible;
SELECT reltuples, relpages > 0 AS pages FROM pg_class WHERE relname = 'es_t';
DELETE FROM es WHERE id > 600;
VACUUM es;
SELECT reltuples FROM pg_class WHERE relname = 'es_t';
CREATE INDEX es_part ON es USING masstree (t) WHERE id % 2 = 0;
SELECT reltuples FROM pg_class WHERE relname = 'es_part';
-- VACUUM in its forms
DELETE FROM es WHERE id % 3 = 0;
VACUUM (INDEX_CLEANUP OFF, FREEZE) es;
SELECT same_rows('SELECT id FROM es WHERE t > ''t2''', 'es_t');
VACUUM (INDEX_CLEANUP ON, TRUNCATE ON, DISABLE_PAGE_SKIPPING) es;
SELECT same_rows('SELECT id FROM es WHERE t > ''t2''', 'es_t');
SELECT masstree_check('es_t', true), masstree_check('es_part', true), masstree_check('es_expr', true);
VACUUM (FULL, ANALYZE) es;
SELECT same_rows('SELECT id FROM es WHERE t > ''t2''', 'es_t');
SELECT masstree_check('es_t', true), masstree_check('es_part', true), masstree_check('es_expr', true);
-- one page on disk, the rest in memory
SELECT pg_relation_size('es_t') AS bytes_on_disk, pg_indexes_size('es') > 0 AS indexes;
SELECT s.bytes > 8192 AS in_memory FROM masstree_stats('es_t') s;
