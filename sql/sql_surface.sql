-- The functions and the view say what is there.
CREATE TABLE surface (t text COLLATE "C");
INSERT INTO surface SELECT 'key ' || g % 400 FROM generate_series(1, 2000) g;
INSERT INTO surface VALUES (NULL), (NULL);
CREATE INDEX surface_t ON surface USING masstree (t);
SELECT state, keys, tids, layers >= 1 AS layers, border_nodes > 0 AS border, interior_nodes >= 0 AS interior,
       height >= 1 AS height, bytes > 0 AS bytes, load_time IS NOT NULL AS load_time, last_error
  FROM masstree_stats('surface_t');
SELECT masstree_load('surface_t');
SELECT state, keys, tids FROM masstree_stats('surface_t');
SELECT masstree_check('surface_t');
SELECT masstree_check('surface_t', heapallindexed => true);
SELECT schemaname, relname, indexrelname, state FROM pg_stat_masstree WHERE relname = 'surface';
SELECT size > 0 AS size, used > 0 AS used, free > 0 AS free, used + free <= size AS together FROM masstree_memory();
-- every object says what it is for
SELECT classid::regclass, count(*) FILTER (WHERE obj_description(objid, classid::regclass::text) IS NULL) AS without_comment
  FROM pg_depend WHERE refclassid = 'pg_extension'::regclass
  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'masstree')
  AND classid IN ('pg_proc'::regclass, 'pg_am'::regclass, 'pg_opclass'::regclass, 'pg_opfamily'::regclass)
  GROUP BY 1 ORDER BY 1::text;
SELECT p.proname, provolatile, proparallel, proisstrict FROM pg_proc p
  JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass
  JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
  WHERE e.extname = 'masstree' AND p.proname LIKE 'masstree%' ORDER BY 1;
