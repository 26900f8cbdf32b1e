-- Databases whose default collation is ICU's, and encodings other than UTF-8: the
-- default collation of every provider, and strings that must be converted.
SELECT current_database() AS home \gset
-- The same rows in the same order with the index and without it, for a table t with
-- a column s that has an index.
CREATE FUNCTION t_differs() RETURNS TABLE (what text, node text, differences bigint)
LANGUAGE plpgsql AS $$
DECLARE
  query text;
  line text;
  by_index text[];
  by_table text[];
BEGIN
  FOREACH query IN ARRAY ARRAY['SELECT s FROM t ORDER BY s', 'SELECT s FROM t ORDER BY s DESC',
      'SELECT p.n, count(*), sum(t.n) FROM t p JOIN t ON t.s = p.s WHERE p.n % 10 = 0 GROUP BY 1 ORDER BY 1',
      'SELECT p.n, count(*), sum(t.n) FROM t p JOIN t ON t.s < p.s WHERE p.n % 10 = 0 GROUP BY 1 ORDER BY 1',
      'SELECT p.n, count(*), sum(t.n) FROM t p JOIN t ON t.s >= p.s WHERE p.n % 10 = 0 GROUP BY 1 ORDER BY 1',
      'SELECT p.n, count(*), sum(t.n) FROM t p JOIN t ON t.s LIKE substr(p.s, 1, 2) || ''%'' WHERE p.n % 10 = 0
         GROUP BY 1 ORDER BY 1'] LOOP
    PERFORM set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
            set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true);
    node := 'index not used';
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
      IF line ~ 'using t_s ' THEN
        node := substring(line FROM '(Index Scan( Backward)?)');
      END IF;
    END LOOP;
    EXECUTE format('SELECT array_agg(x::text) FROM (%s) x', query) INTO by_index;
    PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_indexscan', 'off', true);
    EXECUTE format('SELECT array_agg(x::text) FROM (%s) x', query) INTO by_table;
    PERFORM set_config('enable_indexscan', 'on', true);
    what := substring(query FROM 'ORDER BY s.*|t\.s \S+');
    differences := (SELECT count(*) FROM unnest(by_index, by_table) x (a, b) WHERE a IS DISTINCT FROM b);
    RETURN NEXT;
  END LOOP;
  PERFORM masstree_check('t_s', true);
END $$;
SELECT pg_get_functiondef('t_differs()'::regprocedure) AS t_differs \gset

SET client_min_messages = warning;
DROP DATABASE IF EXISTS masstree_icu;
DROP DATABASE IF EXISTS masstree_latin1;
DROP DATABASE IF EXISTS masstree_euc_jp;
CREATE DATABASE masstree_icu TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'
  LOCALE_PROVIDER icu ICU_LOCALE 'sv-u-kn-true';
CREATE DATABASE masstree_latin1 TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C';
CREATE DATABASE masstree_euc_jp TEMPLATE template0 ENCODING 'EUC_JP' LOCALE 'C' LOCALE_PROVIDER icu ICU_LOCALE 'ja';

-- ICU is the default
\c masstree_icu
SET client_min_messages = warning;
CREATE EXTENSION masstree;
:t_differs;
CREATE TABLE t AS SELECT n, chr(97 + n % 3) || chr(228 + n % 20) || n % 37 || chr(769 + n % 5) AS s
  FROM generate_series(1, 600) n;
CREATE INDEX t_s ON t USING masstree (s);
ANALYZE t;
SELECT * FROM t_differs();
-- as the others see it: z before a-umlaut, 9 before 10
INSERT INTO t VALUES (0, 'z9'), (0, 'z10'), (0, U&'\00E5'), (0, U&'\00E4');
SET enable_seqscan = off;
SELECT string_agg(format('%s', ascii(s)), ' ' ORDER BY s) FROM t WHERE n = 0;
EXPLAIN (COSTS OFF) SELECT s FROM t WHERE s > 'z10' AND s < 'z100' ORDER BY s;
SELECT s FROM t WHERE s > 'z9' AND s < 'z100' ORDER BY s;
RESET enable_seqscan;
DROP INDEX t_s;
CREATE INDEX t_s ON t USING masstree (s text_pattern_ops);
SELECT * FROM t_differs();

-- one byte for each character
\c masstree_latin1
SET client_min_messages = warning;
CREATE EXTENSION masstree;
:t_differs;
CREATE TABLE t AS
  SELECT n, (chr(97 + n % 3) || chr(192 + n % 64) || n % 37 || chr(160 + n % 31)) COLLATE "de-x-icu" AS s
  FROM generate_series(1, 600) n;
INSERT INTO t VALUES (0, '');
CREATE INDEX t_s ON t USING masstree (s);
ANALYZE t;
SELECT * FROM t_differs();
CREATE COLLATION ignore_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE ci AS SELECT n, chr(192 + n % 64) COLLATE ignore_case AS s FROM generate_series(1, 128) n;
CREATE INDEX ci_s ON ci USING masstree (s);
SET enable_seqscan = off;
SELECT count(*) FROM ci WHERE s = chr(196);
RESET enable_seqscan;
SELECT count(*) FROM ci WHERE s = chr(196);
SELECT masstree_check('ci_s', true);
-- the default collation is C
ALTER TABLE t ALTER s TYPE text COLLATE "default";
SELECT * FROM t_differs();

-- several bytes
\c masstree_euc_jp
SET client_min_messages = warning;
CREATE EXTENSION masstree;
:t_differs;
CREATE TABLE t AS SELECT n, n % 3 || convert_from(decode(format('a4%sa5%s', to_hex(161 + n % 80), to_hex(161 + n % 7)),
    'hex'), 'EUC_JP') || n % 37 || convert_from('\xa1bc', 'EUC_JP') AS s
  FROM generate_series(1, 600) n;
CREATE INDEX t_s ON t USING masstree (s);
ANALYZE t;
SELECT * FROM t_differs();

\c :home
SET client_min_messages = warning;
DROP FUNCTION t_differs();
DROP DATABASE masstree_icu WITH (FORCE);
DROP DATABASE masstree_latin1 WITH (FORCE);
DROP DATABASE masstree_euc_jp WITH (FORCE);
