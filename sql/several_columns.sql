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
SELECT asked, with_index > 0.9 * asked AS with_index, ordered > asked / 2 AS ordered, wrong FROM check_several(40, 1);
