-- Index scans return rows in the order of the index, in all four forms of it, both
-- ways, and stop early under LIMIT.
CREATE TABLE ordered (id serial, t text COLLATE "C", n int);
INSERT INTO ordered (t, n)
  SELECT substr(md5(g::text), 1, 1 + g % 5), (g * 7919) % 1009 FROM generate_series(1, 4000) g;
INSERT INTO ordered (t, n) SELECT NULL, NULL FROM generate_series(1, 10);

CREATE FUNCTION check_orders(col text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  form text;
  ask text;
BEGIN
  FOREACH form IN ARRAY ARRAY['ASC NULLS LAST', 'ASC NULLS FIRST', 'DESC NULLS LAST', 'DESC NULLS FIRST'] LOOP
    EXECUTE format('CREATE INDEX ordered_form ON ordered USING masstree (%I %s)', col, form);
    FOREACH ask IN ARRAY ARRAY['ASC NULLS LAST', 'ASC NULLS FIRST', 'DESC NULLS LAST', 'DESC NULLS FIRST'] LOOP
      RETURN NEXT format('index %s, query %s: %s', form, ask,
        same_rows(format('SELECT %1$I FROM ordered ORDER BY %1$I %2$s', col, ask), 'ordered_form'));
    END LOOP;
    RETURN NEXT 'range ' || same_rows(format('SELECT %1$I FROM ordered WHERE %1$I > ''3'' ORDER BY %1$I', col), 'ordered_form');
    RETURN NEXT 'range backward ' || same_rows(format('SELECT %1$I FROM ordered WHERE %1$I > ''3'' ORDER BY %1$I DESC', col), 'ordered_form');
    RETURN NEXT 'limit ' || same_rows(format('SELECT %1$I FROM ordered WHERE %1$I >= ''5'' ORDER BY %1$I LIMIT 7', col), 'ordered_form');
    RETURN NEXT 'offset ' || same_rows(format('SELECT %1$I FROM ordered WHERE %1$I <= ''5'' ORDER BY %1$I DESC LIMIT 7 OFFSET 300', col), 'ordered_form');
    RETURN NEXT 'is null ' || same_rows(format('SELECT id FROM ordered WHERE %1$I IS NULL', col), 'ordered_form');
    RETURN NEXT 'is not null ' || same_rows(format('SELECT %1$I FROM ordered WHERE %1$I IS NOT NULL ORDER BY %1$I', col), 'ordered_form');
    EXECUTE 'DROP INDEX ordered_form';
  END LOOP;
END $$;
SELECT check_orders('t');
SELECT check_orders('n');

-- IS NULL together with what excludes it
CREATE INDEX ordered_t ON ordered USING masstree (t);
SELECT same_rows('SELECT id FROM ordered WHERE t IS NULL AND t = ''a''', 'ordered_t');
SELECT same_rows('SELECT id FROM ordered WHERE t IS NULL AND t IS NOT NULL', 'ordered_t');
SELECT same_rows('SELECT id FROM ordered WHERE t IS NULL OR t = ''a''', 'ordered_t', 'bitmap');
SELECT same_rows('SELECT id FROM ordered WHERE t IS NOT NULL AND t < ''3''', 'ordered_t');
SELECT same_rows('SELECT id FROM ordered WHERE t IS NULL', 'ordered_t', 'bitmap');

-- a LIMIT reads few rows
CREATE FUNCTION rows_read(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
    IF line ~ 'Index Scan' THEN
      RETURN substring(line FROM 'rows=(\d+)')::bigint;
    END IF;
  END LOOP;
  RETURN NULL;
END $$;
SET enable_seqscan = off;
SET enable_sort = off;
SET enable_bitmapscan = off;
SELECT rows_read('SELECT t FROM ordered ORDER BY t LIMIT 5');
SELECT rows_read('SELECT t FROM ordered ORDER BY t DESC LIMIT 5');
