-- Indexes of several columns: any subset of conditions, any order, any mix of ASC,
-- DESC, NULLS FIRST and LAST, against a sequential scan.
CREATE TABLE several (id serial, a int, b text COLLATE "C", c bytea, d bigint, e int);
INSERT INTO several (a, b, c, d, e)
  SELECT CASE WHEN g % 23 = 0 THEN NULL ELSE hashint4(g) % 6 END,
         CASE WHEN g % 17 = 0 THEN NULL ELSE (ARRAY['', 'a', 'ab', 'abc', 'b', 'a b', 'é', 'aé'])[1 + abs(hashint4(g + 1)) % 8] END,
         CASE WHEN g % 13 = 0 THEN NULL ELSE (ARRAY['\x', '\x00', '\x0000', '\x00ff', '\x01', '\xff', '\xff00', '\xffff', '\x0001', '\xfe']::bytea[])[1 + abs(hashint4(g + 2)) % 10] END,
         CASE WHEN g % 19 = 0 THEN NULL ELSE hashint4(g + 3) % 5 END,
         g
  FROM generate_series(1, 3000) g;
VACUUM ANALYZE several;

-- forms and conditions come from the number of the round
CREATE FUNCTION several_condition(col text, n int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE col
    WHEN 'a' THEN (ARRAY['a = 3', 'a < 2', 'a >= -1 AND a < 4', 'a = ANY (''{5,-3,5,NULL,2}'')', 'a IS NULL',
                         'a IS NOT NULL', 'a > ANY (''{4,3}'')', 'a = 2::bigint', 'a <= -2 AND a > -6', 'a = 99'])[1 + n % 10]
    WHEN 'b' THEN (ARRAY['b = ''ab''', 'b < ''ab''', 'b LIKE ''a%''', 'b = ANY (''{a,"a b",é,zz}'')', 'b IS NULL',
                         'b >= ''ab'' AND b <= ''b''', 'b > ''a''', 'b = ''''', 'b LIKE ''%b''', 'b IS NOT NULL'])[1 + n % 10]
    WHEN 'c' THEN (ARRAY['c = ''\x00''', 'c > ''\x00''', 'c <= ''\xff''', 'c = ANY (''{"\\x","\\xffff","\\x0001"}'')', 'c IS NULL',
                         'c < ''\xff00'' AND c >= ''\x01''', 'c >= ''\xff00''', 'c = ''\x''', 'c < ''\x''', 'c > ''\xffff'''])[1 + n % 10]
    ELSE (ARRAY['d = 2', 'd > 1', 'd <> 1', 'd = ANY (''{4,-4,0}'')', 'd IS NULL',
                'd BETWEEN -1 AND 1', 'd <= 3::int', 'd = 99999999999', 'd < ANY (''{-2,-3}'')', 'd IS NOT NULL'])[1 + n % 10]
  END
$$;

CREATE FUNCTION check_several(rounds int, seed int) RETURNS TABLE (asked bigint, with_index bigint, ordered bigint, wrong text)
LANGUAGE plpgsql AS $$
DECLARE
  forms text[] := ARRAY['ASC NULLS LAST', 'ASC NULLS FIRST', 'DESC NULLS LAST', 'DESC NULLS FIRST'];
  flip text[] := ARRAY['DESC NULLS FIRST', 'DESC NULLS LAST', 'ASC NULLS FIRST', 'ASC NULLS LAST'];
  cols text[];
  chosen int[];
  h int;
  query text;
  result text;
  conditions text;
  sorting text;
BEGIN
  asked := 0; with_index := 0; ordered := 0;
  FOR r IN 1..rounds LOOP
    h := abs(hashint4(r + seed) % 100000);
    SELECT array_agg(x ORDER BY hashint4(ascii(x) + h)) INTO cols FROM unnest('{a,b,c,d}'::text[]) x;
    cols := cols[1:2 + h % 3];
    SELECT array_agg(1 + abs(hashint4(h + i)) % 4) INTO chosen FROM generate_subscripts(cols, 1) i;
    EXECUTE format('CREATE INDEX several_form ON several USING masstree (%s)',
      (SELECT string_agg(cols[i] || ' ' || forms[chosen[i]], ', ') FROM generate_subscripts(cols, 1) i));
    FOR q IN 1..10 LOOP
      h := abs(hashint4(r * 100 + q + seed) % 100000);
      SELECT coalesce(string_agg(several_condition(cols[i], abs(hashint4(h + i))), ' AND '), 'true') INTO conditions
        FROM generate_subscripts(cols, 1) i WHERE abs(hashint4(h * 2 + i)) % 3 < 2;
      SELECT string_agg(cols[i] || ' ' || CASE WHEN h % 2 = 0 THEN forms[chosen[i]] ELSE flip[chosen[i]] END, ', ') INTO sorting
        FROM generate_subscripts(cols, 1) i;
      query := format('SELECT %s FROM several WHERE %s ORDER BY %s', array_to_string(cols, ', '), conditions, sorting);
      IF q % 4 = 0 THEN
        query := format('SELECT id FROM several WHERE %s', conditions);
      END IF;
      result := same_rows(query, 'several_form', CASE WHEN q % 8 = 4 THEN 'bitmap' ELSE 'index' END);
      asked := asked + 1;
      with_index := with_index + (result !~ 'not used')::int;
      ordered := ordered + (q % 4 <> 0 AND result ~ '^Index.*Scan( Backward)?, [0-9]')::int;
      IF result !~ 'same$' THEN
        wrong := concat_ws(E'\n', wrong, pg_get_indexdef('several_form'::regclass) || ': ' || query || ': ' || result);
      END IF;
    END LOOP;
    IF r % 10 = 0 THEN
      PERFORM masstree_check('several_form', true);
    END IF;
    DROP INDEX several_form;
  END LOOP;
  RETURN NEXT;
END $$;
SELECT asked, with_index > 0.9 * asked AS with_index, ordered > asked / 2 AS ordered, wrong FROM check_several(25, 1);

-- cursors that turn round, over ranges, filters and skipped values
CREATE INDEX several_abd ON several USING masstree (a, b DESC, d);
CREATE INDEX several_de ON several USING masstree (d NULLS FIRST, e DESC);
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_sort = off;
SELECT walk('SELECT a AS n FROM several ORDER BY a, b DESC, d');
SELECT walk('SELECT a AS n FROM several WHERE a IN (1, 5, -3) AND b >= ''ab'' ORDER BY a DESC, b, d DESC');
SELECT walk('SELECT a AS n FROM several WHERE d = 2 ORDER BY a, b DESC, d');
SELECT walk('SELECT a AS n FROM several WHERE a > -3 AND d IN (2, -1) AND b <> ''a'' ORDER BY a DESC, b, d DESC');
SELECT walk('SELECT e AS n FROM several WHERE e BETWEEN 1000 AND 1400 ORDER BY d NULLS FIRST, e DESC');
SELECT walk('SELECT e AS n FROM several WHERE e IN (1, 2, 3, 1500, 2999, 17) AND d IS NOT NULL ORDER BY d DESC NULLS LAST, e');

-- joins on all columns, on some, with NULLs and a range from outside
CREATE TABLE several_outer AS SELECT a, b, d, e FROM several WHERE id % 100 = 0;
INSERT INTO several_outer VALUES (NULL, NULL, NULL, NULL), (1, NULL, 2, 3), (NULL, 'a', 2, 3);
VACUUM ANALYZE several_outer;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SET enable_memoize = off;
SELECT same_rows('SELECT o.e, i.id FROM several_outer o JOIN several i ON i.a = o.a AND i.b = o.b AND i.d = o.d', 'several_abd');
SELECT same_rows('SELECT o.e, i.id FROM several_outer o JOIN several i ON i.a = o.a AND i.d = o.d', 'several_abd');
SELECT same_rows('SELECT o.e, i.e AS ie FROM several_outer o JOIN several i ON i.d = o.d AND i.e BETWEEN o.e AND o.e + 50', 'several_de');
SELECT same_rows('SELECT o.e, i.id FROM several_outer o JOIN several i ON i.a = ANY (ARRAY[o.a, o.a + 1]) AND i.b LIKE o.b || ''%''', 'several_abd');
SELECT same_rows('SELECT o.e, l.* FROM several_outer o,
  LATERAL (SELECT a, b, d FROM several WHERE a >= o.a AND b > o.b ORDER BY a, b DESC, d LIMIT 4) l', 'several_abd');

-- rows come and go; the entries of dead rows are removed by scans and by VACUUM
DELETE FROM several WHERE id % 3 = 0;
UPDATE several SET b = b || 'z', d = -d WHERE id % 5 = 0;
SELECT same_rows('SELECT a, b, d FROM several WHERE a = 2 AND b > ''a'' ORDER BY a, b DESC, d', 'several_abd');
SELECT same_rows('SELECT a, b, d FROM several WHERE d = 2 ORDER BY a, b DESC, d', 'several_abd');
SELECT masstree_check('several_abd', true), masstree_check('several_de', true);
VACUUM several;
SELECT same_rows('SELECT a, b, d FROM several ORDER BY a, b DESC, d', 'several_abd');
SELECT same_rows('SELECT e FROM several WHERE e > 1500', 'several_de', 'bitmap');
SELECT masstree_check('several_abd', true), masstree_check('several_de', true);
SELECT tids = (SELECT count(*) FROM several) AS all_removed FROM masstree_stats('several_de');

-- a missing leading column with few values is skipped from value to value
CREATE TABLE skipped AS SELECT g % 10 AS a, g / 10 AS b, g AS c FROM generate_series(1, 20000) g;
CREATE INDEX skipped_ab ON skipped USING masstree (a, b);
VACUUM ANALYZE skipped;
RESET enable_seqscan;
RESET enable_bitmapscan;
SELECT plan_node('SELECT * FROM skipped WHERE b = 77', 'skipped_ab') <> 'index not used' AS skips;
SELECT same_rows('SELECT c FROM skipped WHERE b = 77', 'skipped_ab');
SELECT same_rows('SELECT a, b FROM skipped WHERE b IN (77, 5, 1999, 2000, 3000) ORDER BY a, b', 'skipped_ab');
SELECT same_rows('SELECT a, b FROM skipped WHERE b IN (77, 5, 1999, 2000, 3000) ORDER BY a DESC, b DESC', 'skipped_ab');
SELECT same_rows('SELECT c FROM skipped WHERE a BETWEEN 3 AND 7 AND b > 1990', 'skipped_ab', 'bitmap');
-- of arrays on both columns, every pair is one range
SELECT same_rows(format('SELECT a, b FROM skipped WHERE a = ANY (%L) AND b = ANY (%L) ORDER BY a DESC, b DESC',
  (SELECT array_agg(g) FROM generate_series(-5, 100) g), (SELECT array_agg(g * 7) FROM generate_series(1, 400) g)), 'skipped_ab');

-- a column of a libc collation serves equality, and the index gives no order
CREATE TABLE mixed (a int, l text COLLATE "C.utf8", b int);
INSERT INTO mixed SELECT g % 5, (ARRAY['x', 'B', 'a', 'Ab'])[1 + g % 4], g FROM generate_series(1, 400) g;
CREATE INDEX mixed_alb ON mixed USING masstree (a, l, b);
VACUUM ANALYZE mixed;
SELECT same_rows('SELECT b FROM mixed WHERE a = 1 AND l = ''a''', 'mixed_alb');
SELECT same_rows('SELECT a, l, b FROM mixed WHERE a = 1 AND l > ''B'' AND b < 300', 'mixed_alb');
SELECT same_rows('SELECT b FROM mixed WHERE l LIKE ''A%'' AND b < 300', 'mixed_alb');
SELECT same_rows('SELECT a, l, b FROM mixed WHERE a = 1 ORDER BY a, l, b', 'mixed_alb');

-- 32 columns, and no more
SELECT format('CREATE TABLE wide (%s)', string_agg(format('c%s int', g), ', ')) FROM generate_series(1, 33) g \gexec
SELECT format('INSERT INTO wide SELECT %s FROM generate_series(1, 300) g', string_agg(format('g %% %s', g), ', ')) FROM generate_series(1, 33) g \gexec
SELECT format('CREATE INDEX wide_all ON wide USING masstree (%s)', string_agg(format('c%s %s', g, CASE WHEN g % 2 = 0 THEN 'DESC' END), ', ')) FROM generate_series(1, 32) g \gexec
\set VERBOSITY terse
SELECT format('CREATE INDEX wide_more ON wide USING masstree (%s)', string_agg(format('c%s', g), ', ')) FROM generate_series(1, 33) g \gexec
\set VERBOSITY default
SELECT same_rows('SELECT c1, c31 FROM wide WHERE c2 = 1 AND c3 = 0 AND c31 > 7 AND c32 < 20', 'wide_all');
SELECT masstree_check('wide_all', true);

-- an exclusion constraint of two columns, one of them nullable
CREATE TABLE both_once (a int, b text COLLATE "C", EXCLUDE USING masstree (a WITH =, b WITH =));
INSERT INTO both_once VALUES (1, 'x'), (1, 'y'), (2, 'x'), (1, NULL), (1, NULL), (NULL, 'x'), (NULL, 'x');
INSERT INTO both_once VALUES (1, 'x');
INSERT INTO both_once VALUES (1, 'x'), (3, 'x') ON CONFLICT DO NOTHING;
UPDATE both_once SET a = 1 WHERE a = 2;
DELETE FROM both_once WHERE a = 1 AND b = 'x';
UPDATE both_once SET a = 1 WHERE a = 2;
SELECT * FROM both_once ORDER BY a, b;
-- row comparisons do not use the index
EXPLAIN (COSTS OFF) SELECT * FROM skipped WHERE (a, b) > (3, 4) AND a > 2 ORDER BY a, b LIMIT 1;
