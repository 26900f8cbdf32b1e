-- What PostgreSQL itself keeps for btree: the answer is right, the index is not used
-- for it or the statement is refused in PostgreSQL's words, and here is the way round.
CREATE TABLE pno (a int, b int, t text COLLATE "C", flag boolean);
INSERT INTO pno SELECT g % 100, g, 't' || g % 300, g % 50 = 0 FROM generate_series(1, 3000) g;
CREATE INDEX pno_a ON pno USING masstree (a);
CREATE INDEX pno_b ON pno USING masstree (b);
CREATE INDEX pno_t ON pno USING masstree (t);
VACUUM ANALYZE pno;
SELECT set_mode('index');
-- row comparisons: a clause on the first column narrows the scan
EXPLAIN (COSTS OFF) SELECT * FROM pno WHERE (a, b) > (90, 2900) ORDER BY a LIMIT 3;
EXPLAIN (COSTS OFF) SELECT * FROM pno WHERE a >= 90 AND (a, b) > (90, 2900) ORDER BY a LIMIT 3;
SELECT same_rows('SELECT * FROM pno WHERE a >= 90 AND (a, b) > (90, 2900)', 'pno_a');
SELECT same_rows('SELECT * FROM pno WHERE (a, b) = (90, 2990)', 'pno_[ab]');
SELECT set_mode('index');
-- a join is not left out for the sake of an index that is no unique btree
ALTER TABLE pno ADD CONSTRAINT pno_b_excl EXCLUDE USING masstree (b WITH =);
EXPLAIN (COSTS OFF) SELECT x.a FROM pno x LEFT JOIN pno y ON x.b = y.b WHERE x.a = 5;
CREATE UNIQUE INDEX pno_b_key ON pno (b);
EXPLAIN (COSTS OFF) SELECT x.a FROM pno x LEFT JOIN pno y ON x.b = y.b WHERE x.a = 5;
SELECT reset_mode();
DROP INDEX pno_b_key;
ALTER TABLE pno DROP CONSTRAINT pno_b_excl;
-- regular expressions and LIKE that PostgreSQL turns into ranges work as with btree
SELECT same_rows('SELECT * FROM pno WHERE t ~ ''^t12''', 'pno_t');
SELECT same_rows('SELECT * FROM pno WHERE t ~ ''^t1(2|3)$''', 'pno_t');
SELECT same_rows('SELECT * FROM pno WHERE t ~ ''^t12$''', 'pno_t');
SELECT same_rows('SELECT * FROM pno WHERE t SIMILAR TO ''t12%''', 'pno_t');
SELECT same_rows('SELECT * FROM pno WHERE t ~ ''t12''', 'pno_t');
SELECT same_rows('SELECT * FROM pno WHERE t ILIKE ''T12%''', 'pno_t');
SELECT same_rows('SELECT * FROM pno WHERE t ~* ''^t12''', 'pno_t');
SELECT same_rows('SELECT * FROM pno WHERE t NOT LIKE ''t1%''', 'pno_t');
SELECT same_rows('SELECT * FROM pno WHERE t <> ''t1''', 'pno_t');
SELECT same_rows('SELECT * FROM pno WHERE t IS DISTINCT FROM ''t1''', 'pno_t');
SELECT same_rows('SELECT * FROM pno WHERE t IS NOT DISTINCT FROM ''t1''', 'pno_t');
-- another collation than that of the index
SELECT same_rows('SELECT * FROM pno WHERE t = ''t12'' COLLATE "en-x-icu"', 'pno_t');
SELECT same_rows('SELECT t FROM pno WHERE t > ''t12'' COLLATE "en-x-icu"', 'pno_t');
SELECT same_rows('SELECT t FROM pno ORDER BY t COLLATE "en-x-icu", t', 'pno_t');
SELECT same_rows('SELECT t FROM pno WHERE t = ''t12'' ORDER BY t COLLATE "POSIX"', 'pno_t');
-- a bool column alone is no condition for an index of ours, a comparison is
CREATE INDEX pno_flag ON pno USING masstree (flag);
SELECT same_rows('SELECT b FROM pno WHERE flag', 'pno_flag');
SELECT same_rows('SELECT b FROM pno WHERE flag = true', 'pno_flag');
SELECT same_rows('SELECT b FROM pno WHERE flag > false', 'pno_flag');
-- operator classes of others
CREATE INDEX ON pno USING masstree (t varchar_pattern_ops);
CREATE FUNCTION pno_less(point, point) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT $1[0] < $2[0]';
CREATE OPERATOR <<< (LEFTARG = point, RIGHTARG = point, FUNCTION = pno_less);
CREATE OPERATOR CLASS pno_points FOR TYPE point USING masstree AS OPERATOR 1 <<<;
CREATE TABLE pno_point (p point);
CREATE INDEX ON pno_point USING masstree (p pno_points);
-- constraints are btree: PRIMARY KEY and UNIQUE cannot name another method
CREATE TABLE pno_key (a int PRIMARY KEY, b int UNIQUE);
SELECT amname FROM pg_index JOIN pg_class c ON c.oid = indexrelid JOIN pg_am m ON m.oid = relam WHERE indrelid = 'pno_key'::regclass;
ALTER TABLE pno ADD UNIQUE USING INDEX pno_b;
ALTER TABLE pno REPLICA IDENTITY USING INDEX pno_b;
INSERT INTO pno VALUES (1, 1) ON CONFLICT (b) DO NOTHING;
CREATE TABLE pno_ref (b int REFERENCES pno (b));
CREATE UNIQUE INDEX ON pno USING masstree (b);
-- a materialized view that is refreshed beside its readers wants a unique btree
CREATE MATERIALIZED VIEW pno_mat AS SELECT b FROM pno;
CREATE INDEX pno_mat_b ON pno_mat USING masstree (b);
REFRESH MATERIALIZED VIEW CONCURRENTLY pno_mat;
-- options and columns that there are not
CREATE INDEX ON pno USING masstree (b) WITH (deduplicate_items = on);
CREATE INDEX ON pno USING masstree (b) WITH (buffering = on);
CREATE INDEX ON pno USING masstree (b int4_minmax_ops);
CREATE INDEX ON pno USING masstree (t text_ops (siglen = 5));
CREATE INDEX ON pno USING masstree (xmin);
CREATE INDEX ON pno USING masstree (random());
CREATE INDEX ON pno USING masstree ((pno));
CREATE INDEX ON pno_key USING masstree ();
CREATE VIEW pno_view AS SELECT * FROM pno;
CREATE INDEX ON pno_view USING masstree (a);
CREATE INDEX ON pg_class USING masstree (relpages);
-- tools that read the files of a btree
CREATE EXTENSION amcheck;
SELECT bt_index_check('pno_b');
CREATE EXTENSION pageinspect;
SELECT count(*) FROM bt_metap('pno_b');
SELECT itemoffset FROM bt_page_items('pno_b', 1);
CREATE EXTENSION pgstattuple;
SELECT version FROM pgstatindex('pno_b');
SELECT tuple_count FROM pgstattuple('pno_b');
DROP EXTENSION amcheck, pageinspect, pgstattuple;
-- the end of a histogram is not looked up in the index
CREATE TABLE pno_end (b int, m int);
ALTER TABLE pno_end SET (autovacuum_enabled = off);
CREATE INDEX pno_end_b ON pno_end (b);
CREATE INDEX pno_end_m ON pno_end USING masstree (m);
INSERT INTO pno_end SELECT g, g FROM generate_series(1, 1000) g;
ANALYZE pno_end;
INSERT INTO pno_end SELECT g, g FROM generate_series(1001, 3000) g;
CREATE FUNCTION pno_expected(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
  RETURN plan->0->'Plan'->>'Plan Rows';
END $$;
SELECT pno_expected('SELECT * FROM pno_end WHERE b > 1500') > pno_expected('SELECT * FROM pno_end WHERE m > 1500') AS btree_knows;
