-- Under ICU collations the index has PostgreSQL's order to the last string: sort
-- key, then bytes.  What is compared is what the index says with what a table
-- without index says, over strings that are hard to compare; nothing here depends
-- on the order of a certain version of ICU.

-- Strings of one to five pieces; every 7th differs from the one before it only in
-- what no level of a collation looks at.
CREATE FUNCTION odd_strings(n integer) RETURNS TABLE (s text)
LANGUAGE sql AS $$
  WITH pieces (p) AS (SELECT ARRAY['a', 'A', 'b', 'B', 'z', 'Z', 'o', 'O', 'e', 'y', 's', 'S',
    'ss', U&'\00DF', U&'\1E9E', 'i', 'I', U&'\0131', U&'\0130', 'j', 'J',           -- sharp s, Turkish i
    U&'\00E1', U&'a\0301', U&'\00E4', U&'a\0308', 'ae', 'AE', U&'\00E6', U&'\00E5', U&'\212B', U&'A\030A',
    U&'\00F6', U&'\00D6', 'oe', U&'\0153', U&'\00F8', U&'\1E63\0307', U&'s\0323\0307', U&'s\0307\0323',
    'c', 'h', 'ch', 'Ch', 'CH', 'l', 'll', 'lj', U&'\01C9', U&'d\017E', U&'\01C6', 'dz', 'dzs', 'ccs', -- contractions
    '0', '1', '2', '9', '10', '007', U&'\0661', U&'\FF11', U&'\00B2', U&'\00BD', '-1',   -- digits
    ' ', '-', '.', '''', '_', '!', '/', U&'\00A0', U&'\2019', '$', U&'\20AC',           -- punctuation
    U&'\AC00', U&'\AC01', U&'\1100\1161', U&'\1100\1161\11A8', U&'\D55C', U&'\1112',  -- Hangul
    U&'\304B', U&'\304C', U&'\304B\3099', U&'\30AB', U&'\FF76\FF9E', U&'\30FC', U&'\3042\30FC', U&'\4E00', U&'\+02F800',
    U&'\+01F600', U&'\+01F468\200D\+01F469', U&'\2764\FE0F', U&'\+01D7D8',                -- emoji, supplementary
    U&'\0301', U&'\0308\0301', U&'\0345', U&'\200B', U&'\00AD', U&'\FEFF', U&'\FFFF', U&'\+10FFFF', U&'\FDFA',
    U&'\0E40\0E01', U&'\05D0', U&'\0627\0653', U&'\0915\094D', U&'\03A3', U&'\03C2']),
  draws AS (
    SELECT g, k, p, ('x' || substr(md5(format('%s/%s', g, k)), 1, 7))::bit(28)::integer AS r, 1 + g % 5 AS len
      FROM pieces, generate_series(1, n) g, generate_series(1, 5) k),
  strings AS (
    SELECT g, string_agg(p[1 + r % cardinality(p)], '' ORDER BY k) AS s FROM draws WHERE k <= len GROUP BY g)
  SELECT '' UNION ALL SELECT s FROM strings
    UNION ALL SELECT s || U&'\200B' FROM strings WHERE g % 7 = 0
    UNION ALL SELECT U&'\00AD' || s FROM strings WHERE g % 7 = 1;
$$;
CREATE TABLE icu_drawn AS SELECT row_number() OVER () AS id, s FROM odd_strings(400) s;

-- What the index says differently from the table, for one collation: how many
-- places in the order, how many icu_probes of each operator.  ordered says whether
-- the planner takes the index for an order.
CREATE FUNCTION icu_differences(locale text, OUT ordered boolean, OUT "order" bigint, OUT
  "desc" bigint, OUT "<" bigint, OUT "<=" bigint, OUT "=" bigint, OUT ">=" bigint, OUT ">" bigint, OUT "between" bigint,
  OUT "like" bigint, OUT "in" bigint)
LANGUAGE plpgsql SET client_min_messages = warning AS $$
DECLARE
  query text;
  counts text[] := '{}';
  op text;
  by_index text[];
  by_table text[];
BEGIN
  DROP TABLE IF EXISTS icu_odd, icu_probes;
  DROP COLLATION IF EXISTS icu_tested;
  EXECUTE format('CREATE COLLATION icu_tested (provider = icu, locale = %L)', locale);
  CREATE TABLE icu_odd (id integer, s text COLLATE icu_tested);
  INSERT INTO icu_odd SELECT id, s FROM icu_drawn;
  INSERT INTO icu_odd VALUES (0, NULL);
  CREATE TABLE icu_probes AS SELECT id, s FROM icu_odd WHERE id % 19 = 5 OR id < 3;
  CREATE INDEX icu_odd_s ON icu_odd USING masstree (s);
  ANALYZE icu_odd, icu_probes;

  PERFORM set_mode('index');
  ordered := plan_node('SELECT s FROM icu_odd ORDER BY s', 'icu_odd_s') = 'Index Scan';
  FOREACH op IN ARRAY ARRAY['ORDER BY s', 'ORDER BY s DESC'] LOOP
    query := 'SELECT s FROM icu_odd ' || op;
    PERFORM set_mode('index');
    by_index := rows_of(query);
    PERFORM set_mode('table');
    by_table := rows_of(query);
    counts := counts || (SELECT count(*) FROM unnest(by_index, by_table) x (a, b) WHERE a IS DISTINCT FROM b)::text;
  END LOOP;

  FOREACH op IN ARRAY ARRAY['o.s < p.s', 'o.s <= p.s', 'o.s = p.s', 'o.s >= p.s', 'o.s > p.s',
      'o.s BETWEEN p.s AND p.s || ''a''', 'o.s LIKE substr(p.s, 1, 1) || ''%'''] LOOP
    query := 'SELECT p.id, count(*), sum(o.id), sum(o.id * o.id) FROM icu_probes p, icu_odd o WHERE ' || op ||
      ' GROUP BY 1';
    PERFORM set_mode('index'), set_config('enable_hashjoin', 'off', false),
            set_config('enable_mergejoin', 'off', false);
    IF plan_node(query, 'icu_odd_s') !~ '^Index Scan' THEN
      RAISE 'no index scan for %', query;
    END IF;
    by_index := rows_of(query);
    PERFORM set_mode('table'), set_config('enable_hashjoin', 'on', false), set_config('enable_mergejoin', 'on', false);
    by_table := rows_of(query);
    IF cardinality(by_table) = 0 THEN
      RAISE 'no rows for %', query;
    END IF;
    counts := counts || (SELECT count(*) FROM unnest(by_index, by_table) x (a, b) WHERE a IS DISTINCT FROM b)::text;
  END LOOP;

  query := 'SELECT id FROM icu_odd WHERE s = ANY (ARRAY(SELECT s FROM icu_probes))';
  PERFORM set_mode('bitmap');
  by_index := rows_of(query);
  PERFORM set_mode('table');
  by_table := rows_of(query);
  counts := counts || (SELECT count(*) FROM unnest(by_index, by_table) x (a, b) WHERE a IS DISTINCT FROM b)::text;

  PERFORM reset_mode(), masstree_check('icu_odd_s', true);
  SELECT c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9], c[10]
    INTO "order", "desc", "<", "<=", "=", ">=", ">", "between", "like", "in" FROM (SELECT counts) x (c);
END $$;

-- languages, phone books, contractions, digits as numbers, upper case first
SELECT locale, d.* FROM unnest(ARRAY['en', 'de-u-co-phonebk', 'sv', 'tr', 'hu', 'cs', 'da', 'ja', 'ko',
    'es-u-co-trad', 'und-u-kn-true', 'und-u-kf-upper', 'und-u-kc-true', 'und-u-ks-level1', 'und-u-ks-level2',
    'und-u-ks-level4', 'und-u-ka-shifted-ks-level1', 'en-u-kr-grek-latn'])
  WITH ORDINALITY l (locale, n), LATERAL icu_differences(locale) d ORDER BY n;
-- Where ICU's sort keys and comparisons may disagree the tree holds the bytes, as
-- under libc: not in order, but every answer is right.
SELECT locale, d.* FROM unnest(ARRAY['und-u-ka-shifted', 'fr-CA', 'und-u-ks-identic', 'vi', 'th',
    'und-u-kc-true-kf-upper', 'en-u-kr-grek-latn-digit'])
  WITH ORDINALITY l (locale, n), LATERAL icu_differences(locale) d ORDER BY n;

-- a merge join takes the order of both sides
SELECT "order" FROM icu_differences('sv');
CREATE TABLE icu_other AS SELECT id, s FROM icu_odd WHERE id % 3 = 0;
CREATE INDEX icu_other_s ON icu_other USING masstree (s);
ANALYZE icu_other;
SET enable_hashjoin = off;
SET enable_nestloop = off;
SELECT same_rows('SELECT icu_odd.id, icu_other.id AS o FROM icu_odd JOIN icu_other USING (s)', 'icu_odd_s');
EXPLAIN (COSTS OFF) SELECT icu_odd.id, icu_other.id AS o FROM icu_odd JOIN icu_other USING (s) ORDER BY s;
RESET enable_hashjoin;
RESET enable_nestloop;

-- Strings that the collator finds equal are told apart by their bytes.
CREATE TABLE icu_tied (s text COLLATE "en-x-icu");
INSERT INTO icu_tied SELECT 'co' || x || 'op' FROM unnest(ARRAY['', U&'\200B', U&'\00AD', U&'\200B\200B', U&'\FEFF']) x;
CREATE INDEX icu_tied_s ON icu_tied USING masstree (s);
SELECT same_rows('SELECT s FROM icu_tied WHERE s > ''coop'' ORDER BY s', 'icu_tied_s');
SELECT same_rows('SELECT s FROM icu_tied WHERE s >= U&''co\200Bop'' ORDER BY s DESC', 'icu_tied_s');
SELECT same_rows('SELECT s FROM icu_tied WHERE s < U&''co\200Bop''', 'icu_tied_s');
SELECT same_rows('SELECT s FROM icu_tied WHERE s <= U&''co\200Bop''', 'icu_tied_s');
SELECT same_rows('SELECT s FROM icu_tied WHERE s = ''coop''', 'icu_tied_s');
SELECT same_rows('SELECT s FROM icu_tied WHERE s = U&''\00E9coop''', 'icu_tied_s');
SELECT same_rows('SELECT min(s), max(s) FROM icu_tied', 'icu_tied_s');

-- Long strings and arguments; sort key and bytes together have one limit.
CREATE TABLE icu_long (s text COLLATE "en-x-icu");
INSERT INTO icu_long SELECT repeat(U&'\00E9\0323xY', n) FROM unnest(ARRAY[1, 100, 40000]) n;
CREATE INDEX icu_long_s ON icu_long USING masstree (s);
SELECT same_rows('SELECT s FROM icu_long WHERE s > ''d'' ORDER BY s', 'icu_long_s');
SELECT same_rows('SELECT length(s) FROM icu_long WHERE s = repeat(U&''\00E9\0323xY'', 40000)', 'icu_long_s');
DO $$
BEGIN
  CREATE INDEX ON icu_long USING masstree ((repeat(repeat('word ', 1000), 1800) || left(s, 1)));
  RAISE 'a key that is too long went in';
EXCEPTION WHEN program_limit_exceeded THEN
END $$;
CREATE INDEX ON icu_long USING masstree ((repeat(repeat('word ', 1000), 3400) || left(s, 1)));
SET enable_seqscan = off;
SELECT plan_node('SELECT count(*) FROM icu_long WHERE s < (SELECT ''x'')', 'icu_long_s');
SELECT count(*) FROM icu_long WHERE s < (SELECT repeat(repeat('x', 1000), 17000));
RESET enable_seqscan;
SELECT masstree_check('icu_long_s', true);

-- Changes keep the order.
UPDATE icu_odd SET s = U&'\00AD' || s WHERE id % 5 = 0;
DELETE FROM icu_odd WHERE id % 5 = 1;
VACUUM icu_odd;
INSERT INTO icu_odd SELECT id + 10000, s FROM icu_odd WHERE id % 5 = 2;
SELECT same_rows('SELECT s FROM icu_odd WHERE s IS NOT NULL ORDER BY s', 'icu_odd_s');
SELECT masstree_check('icu_odd_s', true);
