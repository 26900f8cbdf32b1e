-- Partial indexes have the rows that their predicate takes, no more and no fewer,
-- and do not look empty to the planner; expressions are indexed by their value.
CREATE TABLE pe (id int, t text COLLATE "C", flag boolean, n int);
INSERT INTO pe SELECT g, 'Item ' || g % 500, g % 10 = 0, g FROM generate_series(1, 5000) g;
CREATE INDEX pe_flag ON pe USING masstree (t) WHERE flag;
CREATE INDEX pe_lower ON pe USING masstree (lower(t));
CREATE INDEX pe_sum ON pe USING masstree ((n % 100 + id % 10)) WHERE n > 2500;
VACUUM ANALYZE pe;
SELECT same_rows('SELECT id FROM pe WHERE flag AND t = ''Item 10''', 'pe_flag');
SELECT same_rows('SELECT id FROM pe WHERE flag AND t > ''Item 4'' ORDER BY t, id', 'pe_flag');
SELECT same_rows('SELECT t FROM pe WHERE flag ORDER BY t', 'pe_flag');
SELECT same_rows('SELECT id FROM pe WHERE lower(t) = ''item 77''', 'pe_lower');
SELECT same_rows('SELECT id FROM pe WHERE lower(t) LIKE ''item 7%''', 'pe_lower');
SELECT same_rows('SELECT id FROM pe WHERE n % 100 + id % 10 = 50 AND n > 2500', 'pe_sum');
SELECT same_rows('SELECT id FROM pe WHERE n % 100 + id % 10 < 20 AND n > 3000', 'pe_sum', 'bitmap');
-- rows move in and out of the predicate
UPDATE pe SET flag = NOT flag WHERE id % 100 < 20;
UPDATE pe SET n = n - 2000 WHERE id % 100 < 20;
UPDATE pe SET t = upper(t) WHERE id % 50 = 0;
DELETE FROM pe WHERE id % 9 = 0;
SELECT same_rows('SELECT t FROM pe WHERE flag ORDER BY t', 'pe_flag');
SELECT same_rows('SELECT id FROM pe WHERE lower(t) LIKE ''item 7%''', 'pe_lower');
SELECT same_rows('SELECT id FROM pe WHERE n % 100 + id % 10 = 50 AND n > 2500', 'pe_sum');
VACUUM ANALYZE pe;
SELECT same_rows('SELECT t FROM pe WHERE flag ORDER BY t', 'pe_flag');
SELECT masstree_check('pe_flag', true), masstree_check('pe_lower', true), masstree_check('pe_sum', true);

-- what the planner believes of a partial index
CREATE FUNCTION estimated_rows(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
    IF line ~ 'rows=' THEN
      RETURN substring(line FROM 'rows=(\d+)')::int;
    END IF;
  END LOOP;
END $$;
SELECT estimated_rows('SELECT * FROM pe WHERE flag') BETWEEN 300 AND 1500 AS sensible;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT estimated_rows('SELECT * FROM pe WHERE flag ORDER BY t') BETWEEN 300 AND 1500 AS sensible;
RESET enable_seqscan;
RESET enable_bitmapscan;

-- an expression that raises: the row is refused, and the index stays right
CREATE FUNCTION picky(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
  IF n = 13 THEN
    RAISE EXCEPTION 'no thirteen';
  END IF;
  RETURN n;
END $$;
CREATE TABLE pe_picky (n int);
INSERT INTO pe_picky SELECT generate_series(1, 12);
CREATE INDEX pe_picky_n ON pe_picky USING masstree (picky(n));
INSERT INTO pe_picky VALUES (13);
INSERT INTO pe_picky VALUES (14);
SELECT same_rows('SELECT n FROM pe_picky WHERE picky(n) > 5 ORDER BY picky(n)', 'pe_picky_n');
SELECT masstree_check('pe_picky_n', true);
-- a build runs under the restrictions of a load: no search_path of the session
CREATE SCHEMA pe_elsewhere;
CREATE FUNCTION pe_elsewhere.half(n int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT n / 2';
CREATE FUNCTION uses_search_path(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN half(n); END';
SET search_path = public, pe_elsewhere;
SELECT uses_search_path(10);
CREATE INDEX pe_picky_half ON pe_picky USING masstree (uses_search_path(n));
CREATE INDEX pe_picky_half ON pe_picky USING masstree (pe_elsewhere.half(n));
SELECT same_rows('SELECT n FROM pe_picky WHERE pe_elsewhere.half(n) = 3', 'pe_picky_half');
RESET search_path;
