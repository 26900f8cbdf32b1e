-- What LIKE and ^@ cost: by the fixed prefix, and a full scan where sort keys cannot
-- narrow it, so that the table is read instead.
CREATE TABLE costs (id serial, p text COLLATE "en-x-icu");
INSERT INTO costs (p) SELECT 'area ' || g % 40 || '/item ' || g FROM generate_series(1, 20000) g;
CREATE INDEX costs_sorted ON costs USING masstree (p);
VACUUM ANALYZE costs;
-- rows that a plan visits in the index, after EXPLAIN's estimate
CREATE FUNCTION index_rows(query text, index_name text) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
    IF line ~ ('(using|on) ' || index_name || ' ') THEN
      RETURN substring(line FROM 'rows=(\d+)');
    END IF;
  END LOOP;
END $$;

-- sort keys: only a pattern without wildcards uses the index
SELECT plan_node('SELECT * FROM costs WHERE p LIKE ''area 7/item 7''', 'costs_sorted');
SELECT plan_node('SELECT * FROM costs WHERE p LIKE ''area 7/item\_7''', 'costs_sorted');
SELECT plan_node('SELECT * FROM costs WHERE p LIKE ''area 7/item 7%''', 'costs_sorted');
SELECT plan_node('SELECT * FROM costs WHERE p ^@ ''area 7/item 7''', 'costs_sorted');
SET plan_cache_mode = force_generic_plan;
PREPARE costs_like (text) AS SELECT * FROM costs WHERE p LIKE $1;
PREPARE costs_prefix (text) AS SELECT * FROM costs WHERE p ^@ $1;
SELECT plan_node('EXECUTE costs_like (''area 7/item 7%'')', 'costs_sorted');
SELECT plan_node('EXECUTE costs_prefix (''area 7/item 7'')', 'costs_sorted');
-- but a comparison beside it does
SELECT plan_node('SELECT * FROM costs WHERE p LIKE ''%/item 7%'' AND p < ''area 1/item 1''', 'costs_sorted');

-- bytes: the prefix counts, not what follows it
CREATE INDEX costs_bytes ON costs USING masstree (p text_pattern_ops);
SELECT plan_node('SELECT * FROM costs WHERE p LIKE ''area 7/item 7''', 'costs_bytes');
SELECT plan_node('SELECT * FROM costs WHERE p LIKE ''area 7/item 77%''', 'costs_bytes');
SELECT plan_node('SELECT * FROM costs WHERE p ^@ ''area 7/item 77''', 'costs_bytes');
SELECT plan_node('SELECT * FROM costs WHERE p LIKE ''area%17''', 'costs_bytes');
SELECT plan_node('SELECT * FROM costs WHERE p LIKE ''%area 7/item 77''', 'costs_bytes');
SELECT plan_node('SELECT * FROM costs WHERE p LIKE ''_rea 7/item 77''', 'costs_bytes');
SELECT plan_node('SELECT * FROM costs WHERE p ^@ ''''', 'costs_bytes');
SELECT plan_node('EXECUTE costs_like (''area 7/item 7%'')', 'costs_bytes');
SELECT plan_node('EXECUTE costs_prefix (''area 7/item 7'')', 'costs_bytes');
-- a pattern that is known while planning, though not a constant
SELECT plan_node('SELECT * FROM costs WHERE p LIKE concat(''area 7/item 77'', ''%'')', 'costs_bytes');
SELECT plan_node('SELECT * FROM costs WHERE p LIKE concat(''ar'', ''ea%'')', 'costs_bytes');
SELECT plan_node('SELECT * FROM costs WHERE p LIKE concat(''%'', ''area 7/item 77'')', 'costs_bytes');
-- A twentieth part of the rows, give or take; without the prefix's selectivity it
-- would be some rows.
SET enable_seqscan = off;
SET enable_indexscan = off;
SELECT index_rows('SELECT * FROM costs WHERE p LIKE ''area 1/%7''', 'costs_bytes') BETWEEN 200 AND 1500 AS by_like,
  index_rows('SELECT * FROM costs WHERE p ^@ ''area 1/''', 'costs_bytes') BETWEEN 200 AND 1500 AS by_prefix;
