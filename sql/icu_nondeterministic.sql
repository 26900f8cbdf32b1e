-- Under a nondeterministic collation strings that compare equal begin with one sort
-- key; what follows tells them apart, so that index-only scans return each as it was
-- ("keys merged" is false).
-- plain scans; index-only ones would sort another input where sorts depend on it
SET enable_indexonlyscan = off;
CREATE COLLATION ignore_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE COLLATION ignore_accents (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
CREATE COLLATION ignore_punctuation (provider = icu, locale = 'und-u-ka-shifted', deterministic = false);
CREATE COLLATION phonebook_base (provider = icu, locale = 'de-u-co-phonebk-ks-level1', deterministic = false);
CREATE COLLATION vietnamese_base (provider = icu, locale = 'vi-u-ks-level1', deterministic = false);

CREATE TABLE ci_words (id serial, w text);
INSERT INTO ci_words (w)
  SELECT a || b || c
  FROM unnest(ARRAY['a', 'A', U&'\00E4', U&'a\0308', 'ae', 'Ae', U&'\00C6', 's', 'ss', U&'\00DF', U&'\1E9E', 'i',
      U&'\0130', '']) a,
    unnest(ARRAY['', '-', ' ', U&'\00AD', U&'\0301', 'O', U&'o\0302', '1', U&'\0661', U&'\AC00']) b,
    unnest(ARRAY['', 'x', 'X', '.', U&'\1100\1161', U&'\+01F600', U&'\FF9E']) c;
INSERT INTO ci_words (w) VALUES (NULL), ('');

-- For one collation: is the index offered for an order; if so, the places where its
-- order goes down; strings whose equals, smaller and greater ones
-- are others by index than by table.
CREATE FUNCTION ci_differences(collation_name text, OUT ordered boolean, OUT descents bigint, OUT "=" bigint,
  OUT "<" bigint, OUT ">=" bigint, OUT "in" bigint, OUT "keys merged" boolean)
LANGUAGE plpgsql SET client_min_messages = warning AS $$
DECLARE
  query text;
  counts bigint[] := '{}';
  op text;
  by_index text[];
  by_table text[];
BEGIN
  DROP TABLE IF EXISTS ci_odd, ci_probes;
  EXECUTE format('CREATE TABLE ci_odd (id integer, w text COLLATE %I)', collation_name);
  INSERT INTO ci_odd SELECT id, w FROM ci_words;
  CREATE INDEX ci_odd_w ON ci_odd USING masstree (w);
  CREATE TABLE ci_probes AS SELECT id, w FROM ci_odd WHERE id % 13 = 1;
  ANALYZE ci_odd, ci_probes;

  PERFORM set_mode('index');
  ordered := plan_node('SELECT w FROM ci_odd ORDER BY w', 'ci_odd_w') = 'Index Scan';
  IF ordered THEN
    SELECT count(*) FILTER (WHERE w < before) INTO descents
      FROM (SELECT w, lag(w) OVER (ORDER BY w) AS before FROM ci_odd) x;
  END IF;
  FOREACH op IN ARRAY ARRAY['=', '<', '>='] LOOP
    query := format('SELECT p.id, count(*), sum(o.id), sum(o.id * o.id) FROM ci_probes p, ci_odd o WHERE o.w %s p.w
      GROUP BY 1', op);
    PERFORM set_mode('index'), set_config('enable_hashjoin', 'off', false),
            set_config('enable_mergejoin', 'off', false);
    IF plan_node(query, 'ci_odd_w') !~ '^Index Scan' THEN
      RAISE 'no index scan for %', query;
    END IF;
    by_index := rows_of(query);
    PERFORM set_mode('table');
    by_table := rows_of(query);
    PERFORM set_config('enable_hashjoin', 'on', false), set_config('enable_mergejoin', 'on', false);
    counts := counts || (SELECT count(*) FROM unnest(by_index, by_table) x (a, b) WHERE a IS DISTINCT FROM b);
  END LOOP;
  query := 'SELECT id FROM ci_odd WHERE w = ANY (ARRAY(SELECT w FROM ci_probes))';
  PERFORM set_mode('bitmap');
  by_index := rows_of(query);
  PERFORM set_mode('table');
  by_table := rows_of(query);
  counts := counts || (SELECT count(*) FROM unnest(by_index, by_table) x (a, b) WHERE a IS DISTINCT FROM b);

  PERFORM reset_mode(), masstree_check('ci_odd_w', true);
  "keys merged" := (SELECT keys FROM masstree_stats('ci_odd_w')) < (SELECT count(DISTINCT w COLLATE "C") FROM ci_odd);
  "=" := counts[1]; "<" := counts[2]; ">=" := counts[3]; "in" := counts[4];
END $$;
SELECT c, d.* FROM unnest(ARRAY['ignore_case', 'ignore_accents', 'ignore_punctuation', 'phonebook_base'])
  WITH ORDINALITY l (c, n), LATERAL ci_differences(c) d ORDER BY n;
-- refused: where ICU's sort keys cannot be trusted, and classes of bytes
CREATE INDEX ON ci_words USING masstree (w COLLATE vietnamese_base);
CREATE INDEX ON ci_words USING masstree (w COLLATE ignore_case text_pattern_ops);
CREATE INDEX ON ci_words USING masstree (w COLLATE ignore_case varchar_pattern_ops);

CREATE TABLE ci_people (id serial, name text COLLATE ignore_case);
INSERT INTO ci_people (name)
  SELECT CASE WHEN g % 2 = 0 THEN 'Name ' ELSE 'nAME ' END || g / 2 FROM generate_series(1, 2000) g;
INSERT INTO ci_people (name) VALUES (NULL), (''), ('strasse'), ('STRASSE'), (U&'stra\00DFe');
CREATE INDEX ci_people_name ON ci_people USING masstree (name);
ANALYZE ci_people;
SELECT same_rows('SELECT id, name FROM ci_people WHERE name = ''NAME 7''', 'ci_people_name');
SELECT same_rows('SELECT id, name FROM ci_people WHERE name = ''Strasse''', 'ci_people_name');
SELECT same_rows('SELECT id, name FROM ci_people WHERE name IN (''NAME 7'', ''name 9'', ''nobody'', '''')',
  'ci_people_name', 'bitmap');
SELECT same_rows('SELECT id FROM ci_people WHERE name BETWEEN ''NAME 7'' AND ''name 71''', 'ci_people_name');
SELECT same_rows('SELECT id FROM ci_people WHERE name IS NULL', 'ci_people_name');
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT same_rows('SELECT a.id, b.id AS b FROM ci_people a JOIN ci_people b USING (name) WHERE b.id % 100 = 3',
  'ci_people_name');
SET enable_nestloop = off;
SET enable_mergejoin = on;
SELECT same_rows('SELECT a.id, b.id AS b FROM ci_people a JOIN ci_people b USING (name)', 'ci_people_name');
RESET enable_hashjoin;
RESET enable_nestloop;

-- LIKE and ^@ are refused as without the index: for a row, not for a plan.
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM ci_people WHERE name LIKE 'name 7';
SELECT id FROM ci_people WHERE name LIKE 'name 7';
SELECT id FROM ci_people WHERE name LIKE 'name%';
SELECT id FROM ci_people WHERE name ^@ 'name';
SELECT id FROM ci_people WHERE name LIKE (SELECT NULL);
SET enable_bitmapscan = on;
SET enable_indexscan = off;
SELECT id FROM ci_people WHERE name LIKE 'name 7';
SELECT id FROM ci_people WHERE name ^@ 'name';
RESET enable_seqscan;
SELECT id FROM ci_people WHERE name LIKE 'name 7';
SELECT id FROM ci_people WHERE name ^@ 'name';
RESET enable_indexscan;

-- Changes of what the collation does not see.
UPDATE ci_people SET name = upper(name) WHERE id % 3 = 0;
SELECT same_rows('SELECT id, name FROM ci_people WHERE name = ''name 7''', 'ci_people_name');
SELECT masstree_check('ci_people_name', true);
DELETE FROM ci_people WHERE id % 4 = 0;
VACUUM ci_people;
SELECT same_rows('SELECT id, name FROM ci_people WHERE name > ''name 5''', 'ci_people_name');
SELECT masstree_check('ci_people_name', true);

-- One of each, whatever the case.
CREATE TABLE ci_accounts (email text COLLATE ignore_case, EXCLUDE USING masstree (email WITH =));
INSERT INTO ci_accounts VALUES ('someone@example.org');
INSERT INTO ci_accounts VALUES ('Someone@Example.org');
INSERT INTO ci_accounts VALUES ('Someone@Example.org') ON CONFLICT DO NOTHING;
SELECT * FROM ci_accounts;
