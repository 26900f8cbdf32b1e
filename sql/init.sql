-- What the other scripts use.  same_rows runs a query with the index and with a
-- sequential scan, an index-only scan also as a plain one, and says what plan node
-- read the index, how many rows came, and whether all gave the same: in the same
-- order if the query orders them.
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
  by_plain text[];
  by_table text[];
BEGIN
  PERFORM set_mode(mode);
  node := plan_node(query, index_name);
  by_index := rows_of(query);
  IF node ~ 'Index Only Scan' THEN
    PERFORM set_config('enable_indexonlyscan', 'off', false);
    by_plain := rows_of(query);
    PERFORM set_config('enable_indexonlyscan', 'on', false);
    IF by_plain IS DISTINCT FROM by_index THEN
      RETURN format('%s, DIFFERENT from a plain index scan', node);
    END IF;
  END IF;
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

-- Steps through a query of one integer column with a SCROLL cursor, in every way,
-- and compares with an array.
CREATE FUNCTION walk(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  c refcursor;
  expected int[];
  at int := 0;
  step int;
  got int;
  dir text;
  wrong int := 0;
BEGIN
  EXECUTE format('SELECT array_agg(x.n) FROM (%s) x', query) INTO expected;
  OPEN c SCROLL FOR EXECUTE query;
  FOR i IN 1..3000 LOOP
    step := (hashint4(i) & 7) - 3;
    CONTINUE WHEN step = 0;
    at := greatest(0, least(cardinality(expected) + 1, at + step));
    FETCH RELATIVE step FROM c INTO got;
    IF got IS DISTINCT FROM (CASE WHEN at BETWEEN 1 AND cardinality(expected) THEN expected[at] END) THEN
      wrong := wrong + 1;
    END IF;
  END LOOP;
  CLOSE c;
  RETURN format('%s rows, %s wrong', cardinality(expected), wrong);
END $$;
