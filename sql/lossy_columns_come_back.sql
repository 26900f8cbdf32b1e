-- Values that are equal but look different: an index-only scan returns each as it
-- was, equality finds all of them, and the order is right.
CREATE COLLATION lossy_icu (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE lossy (id serial, f float8, f4 float4, n numeric, bp char(6) COLLATE "C", iv interval, ci text COLLATE lossy_icu, a int);
INSERT INTO lossy (f, f4, n, bp, iv, ci, a)
  SELECT (ARRAY[0.0, '-0.0', 'NaN', 1.5, '-infinity', -3])[1 + g % 6]::float8,
         (ARRAY[0.0, '-0.0', 'NaN', 1.5, 'infinity', -3])[1 + g % 6]::float4,
         (ARRAY['1', '1.0', '1.00', '0', '0.000', '-2.50', '-2.5', '1e30', 'NaN', '0.10', '100', '100.0'])[1 + g % 12]::numeric,
         (ARRAY['', 'a', 'ab', 'ab    ', 'b'])[1 + g % 5],
         (ARRAY['1 mon', '30 days', '720:00:00', '1 day', '24:00:00', '-1 day'])[1 + g % 6]::interval,
         (ARRAY['abc', 'ABC', 'Abc', 'abd', '', 'ab', 'AB', 'é', 'É'])[1 + g % 9], g % 7
  FROM generate_series(1, 900) g;
INSERT INTO lossy (a) SELECT g % 3 FROM generate_series(1, 9) g;
VACUUM ANALYZE lossy;

CREATE FUNCTION check_lossy(definition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  col text := substring(definition FROM '^\w+');
  first text := substring(definition FROM '^\w+(?: DESC)?(?: NULLS LAST)?');
  cols text;
  query text;
  result text;
  value text;
  scans int := 0;
  index_only int := 0;
  wrong text;
BEGIN
  EXECUTE format('CREATE INDEX lossy_form ON lossy USING masstree (%s)', definition);
  SELECT string_agg(attname, ', ' ORDER BY attnum) INTO cols FROM pg_attribute WHERE attrelid = 'lossy_form'::regclass;
  FOR value IN EXECUTE format('SELECT DISTINCT %I::text COLLATE "C" AS v FROM lossy WHERE %1$I IS NOT NULL ORDER BY v', col) LOOP
    FOREACH query IN ARRAY ARRAY['= %2$L', '> %2$L', '<= %2$L', '= ANY (ARRAY[%2$L, %2$L]::%3$s[])'] LOOP
      query := format('SELECT ' || cols || ' FROM lossy WHERE %1$I ' || query, col, value,
        (SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = 'lossy'::regclass AND attname = col));
      scans := scans + 1;
      result := same_rows(query, 'lossy_form', CASE WHEN scans % 7 = 0 THEN 'bitmap' ELSE 'index' END);
      index_only := index_only + (result ~ 'Index Only')::int;
      IF result !~ 'same$' THEN
        wrong := concat_ws(E'\n', wrong, query || ': ' || result);
      END IF;
    END LOOP;
  END LOOP;
  PERFORM set_mode('index');
  EXECUTE format('SELECT count(*) FROM (SELECT %1$I, lead(%1$I) OVER () AS next FROM (SELECT %1$I FROM lossy ORDER BY %2$s OFFSET 0) s) s
    WHERE %1$I %3$s next', col, first, CASE WHEN first ~ 'DESC' THEN '<' ELSE '>' END) INTO result;
  PERFORM reset_mode();
  PERFORM masstree_check('lossy_form', true);
  DROP INDEX lossy_form;
  RETURN format('%s scans, %s; %s out of order%s', scans, CASE WHEN index_only * 2 > scans THEN 'most of them index-only' ELSE 'few of them index-only' END,
    result, ': ' || wrong);
END $$;
SELECT d, check_lossy(d) FROM unnest(ARRAY['f', 'f DESC', 'f4', 'n', 'n DESC NULLS LAST', 'bp', 'bp DESC', 'iv', 'ci', 'ci DESC', 'a, n',
  'n, a', 'n DESC, ci, f', 'f, f4 DESC, bp', 'ci DESC, a', 'f) INCLUDE (n', 'a) INCLUDE (n, f', 'iv, bp) INCLUDE (ci']) d;

-- inserted, changed and deleted under such an index
CREATE INDEX lossy_n ON lossy USING masstree (n) INCLUDE (f);
CREATE INDEX lossy_f ON lossy USING masstree (f);
CREATE INDEX lossy_ci ON lossy USING masstree (ci, bp);
INSERT INTO lossy (f, n, ci, bp) SELECT -f, n + 0.0000, upper(ci), bp FROM lossy WHERE id <= 300;
UPDATE lossy SET n = n + 0.00, f = -f, ci = lower(ci) WHERE id % 4 = 0;
DELETE FROM lossy WHERE id % 3 = 0;
VACUUM lossy;
SELECT masstree_check('lossy_n', true), masstree_check('lossy_f', true), masstree_check('lossy_ci', true);
SELECT same_rows('SELECT n, f FROM lossy WHERE n = 1', 'lossy_n');
SELECT same_rows('SELECT f FROM lossy WHERE f = 0', 'lossy_f');
SELECT same_rows('SELECT f FROM lossy WHERE f IS NULL', 'lossy_f');
SELECT same_rows('SELECT ci, bp FROM lossy WHERE ci = ''aBc'' AND bp = ''ab''', 'lossy_ci');
SELECT count(DISTINCT f::text) AS both_zeroes, count(DISTINCT n::text) FROM lossy WHERE f = 0 AND n = 1;
-- an exclusion constraint knows equal values that look different
CREATE TABLE lossy_once (n numeric, EXCLUDE USING masstree (n WITH =));
INSERT INTO lossy_once VALUES (1.0), (2), (NULL), (NULL);
INSERT INTO lossy_once VALUES (1.00);
INSERT INTO lossy_once VALUES (2.000), (3.0) ON CONFLICT DO NOTHING;
SELECT * FROM lossy_once ORDER BY n;
