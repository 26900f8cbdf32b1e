-- What the other scripts use.  same_rows runs a query with the index and with a
-- sequential scan, and says what plan node read the index, how many rows came,
-- and whether both gave the same: in the same order if the query orders them.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS masstree;

CREATE FUNCTION plan_node(query text, index_name text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  line text;
  node text := 'index not used';
  sorted text := '';
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
    IF line ~ ('(using|on) ' || index_name || '( |$)') THEN
      node := substring(line FROM '((Parallel )?(Bitmap Index Scan|Index Only Scan|Index Scan)( Backward)?)');
    ELSIF line ~ '(Incremental )?Sort' AND line !~ 'Key' THEN
      sorted := ', sorted';
    END IF;
  END LOOP;
  RETURN node || sorted;
END $$;

-- mode: 'index' (plain scans), 'bitmap', or 'table' (no index at all)
CREATE FUNCTION set_mode(mode text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('jit', 'off', false),
          set_config('enable_seqscan', CASE WHEN mode = 'table' THEN 'on' ELSE 'off' END, false),
          set_config('enable_indexscan', CASE WHEN mode = 'index' THEN 'on' ELSE 'off' END, false),
          set_config('enable_bitmapscan', CASE WHEN mode = 'bitmap' THEN 'on' ELSE 'off' END, false),
          set_config('enable_sort', CASE WHEN mode = 'table' THEN 'on' ELSE 'off' END, false);
END $$;

CREATE FUNCTION reset_mode() RETURNS void
LANGUAGE sql AS $$
  SELECT set_config('enable_seqscan', 'on', false), set_config('enable_indexscan', 'on', false),
         set_config('enable_bitmapscan', 'on', false), set_config('enable_sort', 'on', false);
$$;

CREATE FUNCTION rows_of(query text) RETURNS text[]
LANGUAGE plpgsql AS $$
DECLARE
  result text[];
BEGIN
  EXECUTE format('SELECT coalesce(array_agg(r::text), ''{}'') FROM (%s) r', query) INTO result;
  IF query !~* 'order by' THEN
    SELECT coalesce(array_agg(x ORDER BY x COLLATE "C"), '{}') INTO result FROM unnest(result) x;
  END IF;
  RETURN result;
END $$;

CREATE FUNCTION same_rows(query text, index_name text, mode text DEFAULT 'index') RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  node text;
  by_index text[];
  by_table text[];
BEGIN
  PERFORM set_mode(mode);
  node := plan_node(query, index_name);
  by_index := rows_of(query);
  PERFORM set_mode('table');
  by_table := rows_of(query);
  PERFORM reset_mode();
  IF by_index = by_table THEN
    RETURN format('%s, %s rows, same', node, cardinality(by_table));
  END IF;
  RETURN format('%s, DIFFERENT: %s rows by index, %s by table; only by index %s; only by table %s',
    node, cardinality(by_index), cardinality(by_table),
    (SELECT array_agg(x) FROM (SELECT unnest(by_index) EXCEPT ALL SELECT unnest(by_table) LIMIT 3) s(x)),
    (SELECT array_agg(x) FROM (SELECT unnest(by_table) EXCEPT ALL SELECT unnest(by_index) LIMIT 3) s(x)));
END $$;

-- Types: check_type makes a table "typed" of those values (and two NULLs), half
-- of them before and half after it gets an index "typed_v", and compares order
-- and lookups with sorting and hashing by PostgreSQL's own operators.
-- check_comparisons compares all comparisons with values of some type with a
-- sequential scan.  Both say how many values they had, or what differed.
CREATE FUNCTION check_order(direction text) RETURNS SETOF text
LANGUAGE plpgsql SET client_min_messages = warning AS $$
DECLARE
  query text := 'SELECT id, v FROM typed ORDER BY v ' || direction;
  node text;
  wrong bigint;
BEGIN
  DROP TABLE IF EXISTS by_index, by_table;
  PERFORM set_mode('index');
  node := plan_node(query, 'typed_v');
  EXECUTE 'CREATE TEMP TABLE by_index AS SELECT row_number() OVER () AS n, s.* FROM (' || query || ' OFFSET 0) s';
  PERFORM set_mode('table');
  EXECUTE 'CREATE TEMP TABLE by_table AS SELECT row_number() OVER () AS n, s.* FROM (' || query || ' OFFSET 0) s';
  PERFORM reset_mode();
  IF node !~ '^Index Scan( Backward)?$' THEN
    RETURN NEXT format('order %s: %s', direction, node);
  END IF;
  SELECT count(*) INTO wrong FROM by_index i FULL JOIN by_table t USING (n) WHERE i.v IS DISTINCT FROM t.v OR i.n IS NULL OR t.n IS NULL;
  IF wrong <> 0 THEN
    RETURN NEXT format('order %s: %s places differ, first %s', direction, wrong,
      (SELECT format('%s by index, %s by table', i.v, t.v) FROM by_index i FULL JOIN by_table t USING (n)
         WHERE i.v IS DISTINCT FROM t.v OR i.n IS NULL OR t.n IS NULL ORDER BY n LIMIT 1));
  END IF;
  SELECT count(*) INTO wrong FROM by_index i FULL JOIN by_table t USING (id) WHERE i.id IS NULL OR t.id IS NULL OR i.v::text IS DISTINCT FROM t.v::text;
  IF wrong <> 0 OR (SELECT count(DISTINCT id) <> count(*) FROM by_index) THEN
    RETURN NEXT format('order %s: %s rows differ', direction, wrong);
  END IF;
END $$;

CREATE FUNCTION check_lookups() RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
  query text := 'SELECT sum((SELECT count(*) FROM typed b WHERE b.v = a.v)) FROM typed a';
  node text;
  found bigint;
  there bigint;
BEGIN
  PERFORM set_mode('index');
  node := plan_node(query, 'typed_v');
  EXECUTE query INTO found;
  PERFORM reset_mode();
  SELECT sum(c * c) INTO there FROM (SELECT count(*) AS c FROM typed WHERE v IS NOT NULL GROUP BY v) s;
  IF node <> 'Index Scan' OR found <> there THEN
    RETURN NEXT format('lookups: %s, %s found of %s', node, found, there);
  END IF;
END $$;

CREATE FUNCTION check_comparisons(argtype text, args text,
  ops text[] DEFAULT '{<,<=,=,>=,>}') RETURNS SETOF text
LANGUAGE plpgsql SET client_min_messages = warning AS $$
DECLARE
  op text;
  mode text;
  result text;
  wrong bigint := 0;
BEGIN
  DROP TABLE IF EXISTS probe;
  EXECUTE format('CREATE TEMP TABLE probe AS SELECT row_number() OVER () AS n, a::%s AS a FROM (%s) s(a)', argtype, args);
  FOREACH op IN ARRAY ops LOOP
    FOREACH mode IN ARRAY CASE WHEN op = '=' THEN '{index,bitmap}' ELSE '{index}' END::text[] LOOP
      result := same_rows(format('SELECT n, s.* FROM probe, LATERAL (SELECT count(*), sum(id) FROM typed WHERE v %s a) s', op),
                          'typed_v', mode);
      IF result !~ '^(Bitmap )?Index Scan, \d+ rows, same$' THEN
        wrong := wrong + 1;
        RETURN NEXT format('%s %s: %s', op, argtype, result);
      END IF;
    END LOOP;
  END LOOP;
  IF wrong = 0 THEN
    RETURN NEXT format('%s values of type %s: every comparison as without index', (SELECT count(*) FROM probe), argtype);
  END IF;
END $$;

CREATE FUNCTION make_typed(coltype text, vals text) RETURNS bigint
LANGUAGE plpgsql SET client_min_messages = warning AS $$
BEGIN
  DROP TABLE IF EXISTS typed, source;
  EXECUTE format('CREATE TABLE typed (id int, v %s)', coltype);
  EXECUTE format('CREATE TEMP TABLE source AS SELECT row_number() OVER () AS id, v FROM (%s) s(v)', vals);
  INSERT INTO typed SELECT * FROM source WHERE id % 2 = 0;
  INSERT INTO typed VALUES (0, NULL), (-1, NULL);
  CREATE INDEX typed_v ON typed USING masstree (v);
  INSERT INTO typed SELECT * FROM source WHERE id % 2 <> 0;
  ANALYZE typed;
  RETURN count(DISTINCT v) FROM typed;
END $$;

CREATE FUNCTION check_type(coltype text, vals text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
  different bigint := make_typed(coltype, vals);
  faults text[] := ARRAY(SELECT check_order('') UNION ALL SELECT check_order('DESC') UNION ALL SELECT check_lookups());
BEGIN
  RETURN QUERY SELECT unnest(faults);
  IF faults = '{}' THEN
    RETURN NEXT format('%s, %s values, %s of them different: order and lookups as PostgreSQL''s',
      coltype, (SELECT count(*) FROM source), different);
  END IF;
  RETURN QUERY SELECT check_comparisons(regexp_replace(coltype, ' COLLATE .*', ''),
    'SELECT v FROM typed WHERE id <= 20 OR id % 201 = 0 ORDER BY id');
  PERFORM masstree_check('typed_v', true);
END $$;
