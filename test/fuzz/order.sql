-- Random and extreme values of every type that masstree has an operator class
-- for: is the order of the index PostgreSQL's own, and does each operator find
-- what it finds without the index?
--
-- The operator classes and their operators come from the catalogs, so a new class
-- is tested without a word here, if there is a generator for its type; a class
-- without one fails.  A round makes a table of one column, or of several where
-- the access method has indexes of several, half filled before the index is built
-- and half after, and compares.  What decides is always the server: its
-- comparison operators in a sequential scan, and its sort.
--
--	SELECT order_fuzz.round(seed)		see order.sh
--
-- SPDX-License-Identifier: PostgreSQL
-- Copyright (c) 2026, the masstree developers
CREATE EXTENSION IF NOT EXISTS masstree;
CREATE SCHEMA order_fuzz;
SET search_path = order_fuzz, public;

-- ---- values -----------------------------------------------------------------------

CREATE FUNCTION below(n bigint) RETURNS bigint LANGUAGE sql VOLATILE AS
$$ SELECT floor(random() * n)::bigint $$;

CREATE FUNCTION one_of(VARIADIC choices text[]) RETURNS text LANGUAGE sql VOLATILE AS
$$ SELECT choices[1 + below(cardinality(choices))] $$;

-- An integer of that many bits: the ends, powers of two and their neighbours.
CREATE FUNCTION an_integer(bits int) RETURNS numeric LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  top numeric := 2::numeric ^ (bits - 1);
  n numeric;
BEGIN
  CASE below(4)
    WHEN 0 THEN n := one_of((-top)::text, (1 - top)::text, '-1', '0', '1', (top - 2)::text, (top - 1)::text)::numeric;
    WHEN 1 THEN n := (2::numeric ^ below(bits)) * (1 - 2 * below(2)) + below(3) - 1;
    WHEN 2 THEN n := below(20) - 10;
    ELSE n := floor((random()::numeric * 2 - 1) * top);
  END CASE;
  RETURN trunc(least(greatest(n, -top), top - 1));
END $$;

-- Stems that the strings of a round share, so that they differ late.
CREATE TABLE stems (n int, chars text, bytes bytea);

CREATE FUNCTION a_char() RETURNS text LANGUAGE sql VOLATILE AS $$
  SELECT CASE below(5)
    WHEN 0 THEN one_of('a', 'b', 'A', 'B', 'z', '0', '1', '9', '10', '_', '%', '\', ' ', '-', '''')
    WHEN 1 THEN one_of('é', 'e' || chr(769), 'ß', 'ss', 'æ', 'ö', 'Ö', 'ø', 'i', 'ı', 'İ', 'ﬀ', chr(173), chr(8205))
    WHEN 2 THEN one_of(chr(1), chr(127), chr(128), chr(2047), chr(2048), chr(65535), chr(65533), chr(65536), chr(1114111))
    WHEN 3 THEN one_of('a', 'b')
    ELSE chr((32 + below(CASE below(3) WHEN 0 THEN 95 WHEN 1 THEN 2000 ELSE 50000 END))::int) END
$$;

CREATE FUNCTION some_chars(n bigint) RETURNS text LANGUAGE sql VOLATILE AS
$$ SELECT coalesce(string_agg(a_char(), ''), '') FROM generate_series(1, n) $$;

CREATE FUNCTION some_bytes(n bigint) RETURNS bytea LANGUAGE sql VOLATILE AS $$
  SELECT coalesce(string_agg(decode(lpad(to_hex(CASE below(3) WHEN 0 THEN 0 WHEN 1 THEN 255 ELSE below(256) END), 2, '0'), 'hex'), ''), '')
  FROM generate_series(1, n)
$$;

CREATE PROCEDURE make_stems() LANGUAGE sql AS $$
  DELETE FROM stems;
  INSERT INTO stems SELECT n, some_chars(8 * below(6) + 1), some_bytes(8 * below(6) + 8) FROM generate_series(0, 2) n;
$$;

-- Lengths around multiples of 8, and at times past what fits a page.
CREATE FUNCTION a_string() RETURNS text LANGUAGE sql VOLATILE AS $$
  SELECT CASE WHEN below(30) = 0 THEN repeat(left(chars, 9), (200 + below(400))::int) ELSE left(chars, (8 * below(5) + below(3))::int) END
    || CASE below(4) WHEN 0 THEN '' WHEN 1 THEN a_char() ELSE some_chars(below(12)) END
  FROM stems WHERE n = (SELECT below(3))
$$;

CREATE FUNCTION a_bytea() RETURNS bytea LANGUAGE sql VOLATILE AS $$
  SELECT CASE WHEN below(30) = 0 THEN decode(repeat(encode(bytes, 'hex'), (100 + below(200))::int), 'hex')
           ELSE substr(bytes, 1, (8 * below(5) + below(3))::int) END
    || CASE below(4) WHEN 0 THEN '' ELSE some_bytes(below(10)) END
  FROM stems WHERE n = (SELECT below(3))
$$;

-- A pattern: what strings begin with, then % and _, with and without escapes.
CREATE FUNCTION a_pattern() RETURNS text LANGUAGE sql VOLATILE AS $$
  SELECT CASE WHEN below(3) = 0 THEN replace(replace(replace(s, '\', '\\'), '%', '\%'), '_', '\_')
           ELSE regexp_replace(s, '\\+$', '') END || one_of('', '%', '%', '_', '%a%', '_%', '\%')
  FROM left(a_string(), below(20)::int) s
$$;

CREATE FUNCTION a_numeric() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  n text;
BEGIN
  CASE below(5)
    WHEN 0 THEN RETURN one_of('0', '0.0', '0.000', 'NaN', 'Infinity', '-Infinity', '1', '1.0', '1.00', '-1', '-1.0', '10', '10.0', '9999', '10000', '-9999', '-10000', '0.0001', '0.00010', '0.9999', '-0.0001');
    WHEN 1 THEN n := an_integer(64)::text;
    WHEN 2 THEN n := (1 + below(9999)) || repeat(one_of('0', '0000', '9999', '1'), below(30)::int);
    WHEN 3 THEN n := '0.' || repeat(one_of('0', '0000'), below(12)::int) || (1 + below(99999)) || repeat('0', below(4)::int);
    ELSE n := below(1000) || '.' || below(1000) || repeat('0', below(6)::int);
  END CASE;
  IF below(20) = 0 THEN
    n := '1' || repeat('0', below(3000)::int) || '.' || repeat('0', below(1500)::int) || below(10);
  END IF;
  RETURN CASE WHEN below(3) = 0 THEN (-n::numeric)::text ELSE n END;
END $$;

CREATE FUNCTION a_float(digits int, least_value text, most int) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  CASE below(4)
    WHEN 0 THEN RETURN one_of('0', '-0', 'NaN', 'Infinity', '-Infinity', '1', '-1', least_value, '-' || least_value);
    WHEN 1 THEN RETURN (below(2000) - 1000)::text;
    WHEN 2 THEN RETURN one_of('', '-') || (1 + below(9)) || '.' || below((10 ^ digits)::bigint) || 'e' || (below(2 * most) - most);
    ELSE RETURN (random() * 2 - 1)::text;
  END CASE;
END $$;

CREATE FUNCTION a_timestamp() RETURNS text LANGUAGE sql VOLATILE AS $$
  SELECT CASE below(4)
    WHEN 0 THEN one_of('-infinity', 'infinity', '4713-01-02 00:00:00 BC', '294276-12-30 23:59:59.999999', '2000-01-01', '1999-12-31 23:59:59.999999', '0001-01-01 BC', '0001-01-01', '1970-01-01')
    WHEN 1 THEN (timestamp '2000-01-01' + (below(7) - 3) * interval '1 microsecond')::text
    ELSE (timestamp '2000-01-01' + (random() - 0.5) * interval '8000 years')::text END
$$;

CREATE FUNCTION an_interval() RETURNS text LANGUAGE sql VOLATILE AS $$
  SELECT CASE below(4)
    WHEN 0 THEN one_of('0', '1 mon', '30 days', '720:00:00', '29 days 24:00:00', '-1 mon', '1 mon -30 days', '178000000 years', '-178000000 years', '2147483647 days', '-2147483648 days', '1 day', '24:00:00', '-24:00:00', '1 day -24:00:00')
    ELSE format('%s mons %s days %s us', below(7) - 3, below(200) - 100, an_integer(CASE WHEN below(2) = 0 THEN 20 ELSE 50 END)) END
$$;

CREATE FUNCTION an_address() RETURNS text LANGUAGE sql VOLATILE AS $$
  SELECT CASE WHEN below(3) = 0 THEN one_of('::', '::1', 'ffff::', '1::', '::ffff:1.2.3.4', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff') || '/' || below(129)
    ELSE format('%s.%s.%s.%s/%s', one_of('0', '10', '127', '128', '255'), one_of('0', '1', '255'), below(3), below(256), below(33)) END
$$;

CREATE TYPE mood AS ENUM ('z', 'sad', 'ok', 'a', 'happy');
ALTER TYPE mood ADD VALUE 'better' BEFORE 'ok';

-- What makes a value of a type: an expression, its text is cast to the type.
CREATE TABLE generators (type regtype PRIMARY KEY, expression text NOT NULL);
INSERT INTO generators VALUES
  ('int2', 'an_integer(16)'), ('int4', 'an_integer(32)'), ('int8', 'an_integer(64)'),
  ('oid', 'an_integer(32) + 2147483648'), ('xid8', 'an_integer(63) + 4611686018427387904'),
  ('bool', 'random() < 0.5'), ('"char"', 'chr((1 + below(127))::int)'),
  ('text', 'a_string()'), ('varchar', 'a_string()'), ('name', 'left(a_string(), 20)'),
  ('bpchar', 'left(a_string(), 40) || repeat('' '', below(4)::int)'),
  ('bytea', 'a_bytea()'),
  ('numeric', 'a_numeric()'), ('money', 'an_integer(60) / 100'),
  ('float4', 'a_float(6, ''1e-45'', 37)'), ('float8', 'a_float(15, ''5e-324'', 307)'),
  ('date', 'CASE below(3) WHEN 0 THEN one_of(''infinity'', ''-infinity'', ''4713-01-01 BC'', ''5874897-12-31'', ''2000-01-01'', ''1999-12-31'') ELSE (date ''2000-01-01'' + an_integer(18)::int)::text END'),
  ('timestamp', 'a_timestamp()'), ('timestamptz', 'a_timestamp()'),
  ('time', 'CASE below(3) WHEN 0 THEN one_of(''00:00'', ''24:00'', ''23:59:59.999999'') ELSE (time ''00:00'' + random() * interval ''1 day'')::text END'),
  ('timetz', '(time ''00:00'' + below(48) * interval ''30 minutes'')::text || one_of(''+00'', ''+01'', ''-01'', ''+15:59'', ''-15:59'', ''+00:30'')'),
  ('interval', 'an_interval()'),
  ('uuid', 'left(overlay(md5(random()::text) placing repeat(one_of(''0'', ''f'', ''7''), 10) from 1 + 4 * below(4)::int for 10 * below(2)::int), 32)::uuid'),
  ('inet', 'an_address()'), ('cidr', 'network(an_address()::inet)'),
  ('macaddr', 'left(md5(below(9)::text), 12)'), ('macaddr8', 'left(md5(below(9)::text), 16)'),
  ('pg_lsn', '''0/0''::pg_lsn + (an_integer(63) + 4611686018427387904)'),
  ('tid', 'format(''(%s,%s)'', an_integer(32) + 2147483648, below(65536))'),
  ('bit', 'below(1024)::int::bit(10)'), ('varbit', 'left(below(1000000)::int::bit(20)::text, below(21)::int)'),
  ('mood', 'one_of(''z'', ''sad'', ''ok'', ''a'', ''happy'', ''better'')'),
  ('int4[]', 'an_array(''int4'')'), ('text[]', 'an_array(''text'')'), ('numeric[]', 'an_array(''numeric'')'), ('bool[]', 'an_array(''bool'')'),
  ('int4range', 'int4range(least(a, b), greatest(a, b), one_of(''[]'', ''()'', ''[)'', ''(]'')) FROM (SELECT below(9)::int a, below(9)::int b) s');

-- Types beside its own that a class serves, and what stands for polymorphic ones.
CREATE TABLE served (class_type regtype, type regtype);
INSERT INTO served VALUES
  ('text', 'varchar'), ('inet', 'cidr'), ('anyenum', 'mood'), ('anyarray', 'int4[]'), ('anyarray', 'text[]'), ('anyarray', 'numeric[]'), ('anyarray', 'bool[]'), ('anyrange', 'int4range');

-- Its name for a cast; as "character" it would be character(1).
CREATE FUNCTION name_of(type regtype) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT format('%I.%I', n.nspname, t.typname) FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.oid = type
$$;

CREATE FUNCTION draw(type regtype) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  how text := (SELECT g.expression FROM generators g WHERE g.type = draw.type);
  value text;
BEGIN
  IF how IS NULL THEN
    RAISE EXCEPTION 'no generator for type %: add one to test/fuzz/order.sql', type;
  END IF;
  EXECUTE format('SELECT (SELECT %s)::text', how) INTO value;
  RETURN value;
END $$;

-- An array of few elements, perhaps of other bounds or of two dimensions.
CREATE FUNCTION an_array(element regtype) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  elements text[] := ARRAY(SELECT CASE below(9) WHEN 0 THEN NULL ELSE draw(element) END FROM generate_series(1, below(4)));
  low int := below(5) - 2;
BEGIN
  IF elements = '{}' THEN
    RETURN elements;
  END IF;
  CASE below(5)
    WHEN 0 THEN RETURN format('[%s:%s]=%s', low, low + cardinality(elements) - 1, elements);
    WHEN 1 THEN RETURN ARRAY[elements, elements];
    ELSE RETURN elements;
  END CASE;
END $$;

-- ---- classes, from the catalogs ------------------------------------------------------

CREATE TABLE classes AS
  SELECT c.oid AS class, format('%I.%I', n.nspname, c.opcname) AS name, c.opcfamily AS family, c.opcintype AS class_type,
         coalesce(s.type, c.opcintype)::regtype AS type,
         (SELECT typcollation <> 0 FROM pg_type t WHERE t.oid = coalesce(s.type, c.opcintype)) AS collatable
  FROM pg_opclass c JOIN pg_am a ON a.oid = c.opcmethod AND a.amname = 'masstree' JOIN pg_namespace n ON n.oid = c.opcnamespace
    LEFT JOIN LATERAL (SELECT type FROM served WHERE class_type = c.opcintype::regtype
                       UNION SELECT c.opcintype WHERE c.opcintype NOT IN ('anyenum'::regtype, 'anyarray'::regtype, 'anyrange'::regtype)) s ON true
  ORDER BY 2, 5;
ALTER TABLE classes ADD n serial;

CREATE TABLE operators AS
  SELECT c.n AS class_n, o.amopstrategy AS strategy, format('OPERATOR(%I.%s)', n.nspname, p.oprname) AS name,
         CASE WHEN o.amoprighttype = c.class_type THEN c.type ELSE o.amoprighttype END::regtype AS right_type
  FROM classes c JOIN pg_amop o ON o.amopfamily = c.family AND o.amoplefttype = c.class_type
    JOIN pg_operator p ON p.oid = o.amopopr JOIN pg_namespace n ON n.oid = p.oprnamespace
  ORDER BY 1, 2, o.amoprighttype;

CREATE TABLE collations (name text);
INSERT INTO collations SELECT format('%I.%I', n.nspname, c.collname)
  FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
  WHERE c.collname IN ('C', 'POSIX', 'default', 'C.UTF-8', 'C.utf8', 'en_US.utf8', 'und-x-icu', 'en-x-icu', 'sv-x-icu', 'de-AT-x-icu', 'ja-x-icu');
DO $$
BEGIN
  CREATE COLLATION order_fuzz.ignores_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
  CREATE COLLATION order_fuzz.numbers (provider = icu, locale = 'en-u-kn-true');
  CREATE COLLATION order_fuzz.upper_first (provider = icu, locale = 'und-u-kf-upper');
  INSERT INTO collations VALUES ('order_fuzz.ignores_case'), ('order_fuzz.numbers'), ('order_fuzz.upper_first');
EXCEPTION WHEN feature_not_supported THEN
  NULL;                         -- a server without ICU
END $$;

-- Under which collations each class serves its type; '' where it has none.
CREATE TABLE places (class_n int, place text);
DO $$
DECLARE
  c record;
BEGIN
  FOR c IN SELECT classes.n, classes.name, classes.type, CASE WHEN collatable THEN 'COLLATE ' || collations.name ELSE '' END AS place
           FROM classes LEFT JOIN collations ON collatable ORDER BY 1, 4 LOOP
    EXECUTE format('CREATE TABLE placed (v %s %s)', name_of(c.type), c.place);
    BEGIN
      EXECUTE format('CREATE INDEX ON placed USING masstree (v %s)', c.name);
      INSERT INTO places VALUES (c.n, c.place);
    EXCEPTION WHEN feature_not_supported THEN
      NULL;                     -- a collation that the class does not serve
    END;
    DROP TABLE placed;
  END LOOP;
END $$;

-- ---- comparing -------------------------------------------------------------------------

-- What was done, by class; and what was wrong.
CREATE TABLE done (class text PRIMARY KEY, rounds bigint, refused bigint, entries bigint, queries bigint, by_index bigint, ordered bigint);
CREATE TABLE failures (seed bigint, class text, what text);

CREATE PROCEDURE plan_by(how text) LANGUAGE sql AS $$
  SELECT set_config('enable_seqscan', (how = 'table')::text, true), set_config('enable_sort', (how = 'table')::text, true),
         set_config('enable_indexscan', (how = 'index')::text, true), set_config('enable_bitmapscan', (how = 'bitmap')::text, true),
         set_config('enable_indexonlyscan', (how = 'index')::text, true), set_config('enable_hashagg', 'off', true);
$$;

CREATE FUNCTION uses_index(query text, OUT index boolean, OUT sort boolean) LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  index := false;
  sort := false;
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
    index := index OR line ~ 'Index .*fuzzed_index';
    sort := sort OR line ~ '(->|^) *(Incremental )?Sort';
  END LOOP;
END $$;

-- Can each condition be asked of each row?  Some raise an error of their own, LIKE
-- under a nondeterministic collation for one, and in which order conditions are
-- looked at, so whether that row comes to that one, is the server's to choose.
CREATE FUNCTION can_be_asked(conditions text[]) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('SELECT %s FROM fuzzed', (SELECT string_agg(format('count(%s)', c), ', ') FROM unnest(conditions) c));
  RETURN true;
EXCEPTION WHEN feature_not_supported OR indeterminate_collation THEN
  RETURN false;
END $$;

-- The rows that conditions find together, with the index and without it.
CREATE PROCEDURE compare_conditions(seed bigint, class_name text, conditions text[]) LANGUAGE plpgsql AS $$
DECLARE
  query text := 'SELECT id FROM fuzzed WHERE ' || array_to_string(conditions, ' AND ');
  by_table int[];
  found int[];
  used boolean;
BEGIN
  CALL plan_by('table');
  IF NOT can_be_asked(conditions) THEN
    RETURN;
  END IF;
  EXECUTE format('SELECT coalesce(array_agg(id ORDER BY id), ''{}'') FROM (%s) q', query) INTO by_table;
  CALL plan_by(one_of('index', 'index', 'bitmap'));
  used := (SELECT index FROM uses_index(query));
  UPDATE done SET queries = queries + 1, by_index = by_index + used::int WHERE done.class = class_name;
  EXECUTE format('SELECT coalesce(array_agg(id ORDER BY id), ''{}'') FROM (%s) q', query) INTO found;
  IF found <> by_table THEN
    INSERT INTO failures VALUES (seed, class_name,
      format('%s: by the index %s, by the table %s', left(query, 500), left(found::text, 200), left(by_table::text, 200)));
  END IF;
END $$;

-- An order, all of it or the beginning: the ranks that the server's sort gives the
-- rows must come in order.
CREATE PROCEDURE compare_order(seed bigint, class_name text, keys text) LANGUAGE plpgsql AS $$
DECLARE
  n bigint := CASE below(3) WHEN 0 THEN below(20) + 1 ELSE 1000000 END;
  query text := format('SELECT id FROM fuzzed ORDER BY %s LIMIT %s', keys, n);
  ids int[];
  ranks bigint[];
  got bigint[];
  how record;
BEGIN
  CALL plan_by('index');
  SELECT * INTO how FROM uses_index(query);
  UPDATE done SET queries = queries + 1, by_index = by_index + how.index::int,
    ordered = ordered + (how.index AND NOT how.sort)::int WHERE done.class = class_name;
  EXECUTE format('SELECT coalesce(array_agg(id), ''{}'') FROM (%s) q', query) INTO ids;
  CALL plan_by('table');
  EXECUTE format('WITH ranks AS MATERIALIZED (SELECT id, dense_rank() OVER (ORDER BY %s) AS rank FROM fuzzed)
    SELECT (SELECT coalesce(array_agg(rank), ''{}'') FROM (SELECT rank FROM ranks ORDER BY rank LIMIT %s) q),
           (SELECT coalesce(array_agg(rank ORDER BY at), ''{}'') FROM unnest($1) WITH ORDINALITY u(id, at) JOIN ranks USING (id))',
    keys, n) USING ids INTO ranks, got;
  IF got <> ranks OR (SELECT count(DISTINCT id) <> count(*) FROM unnest(ids) id) THEN
    INSERT INTO failures VALUES (seed, class_name,
      format('%s: ranks by the index %s, by the table %s', query, left(got::text, 300), left(ranks::text, 300)));
  END IF;
END $$;

-- ---- a round -----------------------------------------------------------------------------

-- The columns of this round: drawn classes with drawn directions and collations.
CREATE TABLE columns (n int, class_n int, name text, type regtype, place text, direction text, nulls text);

CREATE PROCEDURE draw_columns(seed bigint) LANGUAGE plpgsql AS $$
DECLARE
  several boolean := (SELECT pg_indexam_has_property(oid, 'can_multi_col') FROM pg_am WHERE amname = 'masstree');
  ncolumns int := CASE WHEN several AND below(2) = 0 THEN 2 + below(2) ELSE 1 END;
BEGIN
  DELETE FROM columns;
  FOR i IN 1 .. ncolumns LOOP
    -- the first one in turn, so that none is forgotten
    INSERT INTO columns
      SELECT i, c.n, c.name, c.type,
             (SELECT one_of(VARIADIC array_agg(p.place ORDER BY p.place)) FROM places p WHERE p.class_n = c.n),
             one_of('ASC', 'DESC'), one_of('NULLS FIRST', 'NULLS LAST')
      FROM classes c WHERE c.n = 1 + (SELECT CASE i WHEN 1 THEN seed % count(*) ELSE below(count(*)) END FROM classes);
  END LOOP;
END $$;

-- How many rows have which value is left to chance too: few values, many rows.
CREATE PROCEDURE fill(nrows bigint) LANGUAGE plpgsql AS $$
DECLARE
  c record;
  list text := '';
  row_of text := '';
BEGIN
  FOR c IN SELECT * FROM columns ORDER BY n LOOP
    EXECUTE format('CREATE TEMP TABLE pool%s AS SELECT draw(%L)::%s AS v, i FROM generate_series(0, %s) i', c.n, c.type, name_of(c.type), 1 + below(nrows));
    list := list || format(', c%s', c.n);
    row_of := row_of || format(', (SELECT v FROM pool%1$s WHERE i = (SELECT below((SELECT count(*) + count(*) / 15 FROM pool%1$s)) WHERE g IS NOT NULL))', c.n);
  END LOOP;
  EXECUTE format('INSERT INTO fuzzed (id%s) SELECT (SELECT coalesce(max(id), 0) FROM fuzzed) + g%s FROM generate_series(1, %s) g', list, row_of, nrows);
  FOR c IN SELECT * FROM columns LOOP
    EXECUTE format('DROP TABLE pool%s', c.n);
  END LOOP;
END $$;

-- A condition on a column: each operator of its family, and constants that are
-- in the table or not.
CREATE FUNCTION a_condition(c columns) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  op operators;
  value text;
BEGIN
  IF below(12) = 0 THEN
    RETURN format('c%s IS %s', c.n, one_of('NULL', 'NOT NULL'));
  END IF;
  SELECT * INTO op FROM operators o WHERE o.class_n = c.class_n ORDER BY o.strategy, o.right_type::oid
    OFFSET (SELECT below(count(*)) FROM operators o WHERE o.class_n = c.class_n) LIMIT 1;
  IF op.strategy = 6 THEN
    RETURN format('c%s %s %L::%s', c.n, op.name, a_pattern(), name_of(op.right_type));
  END IF;
  IF op.right_type = c.type AND below(2) = 0 THEN
    EXECUTE format('SELECT c%s::text FROM fuzzed WHERE c%1$s IS NOT NULL OFFSET %s LIMIT 1', c.n, below(20)) INTO value;
  END IF;
  value := coalesce(value, draw(op.right_type));
  IF op.strategy = 7 THEN
    value := left(value, below(20)::int);
  ELSIF op.strategy = 3 AND below(4) = 0 AND op.right_type = c.type AND c.type::text NOT LIKE '%[]' THEN
    RETURN format('c%s %s ANY (ARRAY[%L, %L, %L]::%s[])', c.n, op.name, value, draw(c.type), draw(c.type), name_of(c.type));
  END IF;
  RETURN format('c%s %s %L::%s', c.n, op.name, value, name_of(op.right_type));
END $$;

CREATE PROCEDURE compare_all(seed bigint, class_name text) LANGUAGE plpgsql AS $$
DECLARE
  c columns;
  conditions text[];
  along text := (SELECT string_agg(format('c%s %s %s', n, direction, nulls), ', ' ORDER BY n) FROM columns);
  against text := (SELECT string_agg(format('c%s %s %s', n, CASE direction WHEN 'ASC' THEN 'DESC' ELSE 'ASC' END,
                     CASE nulls WHEN 'NULLS FIRST' THEN 'NULLS LAST' ELSE 'NULLS FIRST' END), ', ' ORDER BY n) FROM columns);
BEGIN
  CALL compare_order(seed, class_name, along);
  CALL compare_order(seed, class_name, against);
  FOR i IN 1 .. 40 LOOP
    conditions := '{}';
    FOR c IN SELECT * FROM columns ORDER BY n LOOP
      EXIT WHEN c.n > 1 AND below(3) = 0;
      conditions := conditions || a_condition(c);
      IF below(4) = 0 THEN
        conditions := conditions || a_condition(c);
      END IF;
    END LOOP;
    CALL compare_conditions(seed, class_name, conditions);
  END LOOP;
END $$;

CREATE FUNCTION order_fuzz.round(seed bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  first_name text;
  class_name text;
  nrows bigint;
BEGIN
  PERFORM setseed((seed % 1000003) / 1000003.0);
  CALL draw_columns(seed);
  CALL make_stems();
  SELECT format('%s for %s', name, type) INTO class_name FROM columns WHERE n = 1;
  INSERT INTO done VALUES (class_name, 0, 0, 0, 0, 0, 0) ON CONFLICT DO NOTHING;
  DROP TABLE IF EXISTS fuzzed;
  EXECUTE format('CREATE TABLE fuzzed (id int, %s)', (SELECT string_agg(format('c%s %s %s', n, name_of(type), place), ', ' ORDER BY n) FROM columns));
  nrows := 20 + below(150);
  CALL fill(nrows);
  BEGIN
    EXECUTE format('CREATE INDEX fuzzed_index ON fuzzed USING masstree (%s)',
                   (SELECT string_agg(format('c%s %s %s %s', n, name, direction, nulls), ', ' ORDER BY n) FROM columns));
  EXCEPTION WHEN feature_not_supported THEN
    UPDATE done SET refused = refused + 1 WHERE done.class = class_name;
    RETURN;
  END;
  CALL fill(nrows);
  ANALYZE fuzzed;
  CALL compare_all(seed, class_name);
  DELETE FROM fuzzed WHERE below(3) = 0;
  PERFORM masstree_check('fuzzed_index', true);
  CALL compare_all(seed, class_name);
  UPDATE done SET rounds = rounds + 1, entries = entries + 2 * nrows WHERE done.class = class_name;
EXCEPTION WHEN OTHERS THEN
  -- the server's message is the finding
  INSERT INTO done VALUES (class_name, 0, 0, 0, 0, 0, 0) ON CONFLICT DO NOTHING;
  INSERT INTO failures VALUES (seed, class_name, format('%s (%s)', SQLERRM, SQLSTATE));
END $$;
