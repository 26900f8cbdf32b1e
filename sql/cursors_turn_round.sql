-- A SCROLL cursor may turn at every row, at both ends and past them.
CREATE TABLE scroll (n int);
INSERT INTO scroll SELECT g / 2 FROM generate_series(1, 600) g;
INSERT INTO scroll VALUES (NULL), (NULL);
CREATE INDEX scroll_n ON scroll USING masstree (n);
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_sort = off;
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT n FROM scroll ORDER BY n;
FETCH 3 FROM c;
FETCH BACKWARD 2 FROM c;
FETCH BACKWARD 5 FROM c;
FETCH 2 FROM c;
MOVE 590 IN c;
FETCH 4 FROM c;
FETCH BACKWARD 3 FROM c;
FETCH LAST FROM c;
FETCH NEXT FROM c;
FETCH PRIOR FROM c;
FETCH PRIOR FROM c;
FETCH FIRST FROM c;
FETCH ABSOLUTE 100 FROM c;
FETCH RELATIVE -50 FROM c;
FETCH RELATIVE 0 FROM c;
FETCH ABSOLUTE -1 FROM c;
FETCH FORWARD ALL FROM c;
FETCH BACKWARD 1 FROM c;
CLOSE c;

-- every way of stepping, against an array
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
SELECT walk('SELECT n FROM scroll ORDER BY n');
SELECT walk('SELECT n FROM scroll ORDER BY n DESC');
SELECT walk('SELECT n FROM scroll WHERE n BETWEEN 10 AND 20 ORDER BY n');
SELECT walk('SELECT n FROM scroll WHERE n BETWEEN 10 AND 20 ORDER BY n DESC');
SELECT walk('SELECT n FROM scroll WHERE n = 5');
SELECT walk('SELECT n FROM scroll WHERE n IS NULL');

-- a cursor that stands still while rows come and go
DECLARE d SCROLL CURSOR FOR SELECT n FROM scroll WHERE n >= 100 ORDER BY n;
FETCH 2 FROM d;
INSERT INTO scroll VALUES (101), (101);
DELETE FROM scroll WHERE n BETWEEN 102 AND 250;
FETCH 4 FROM d;
FETCH BACKWARD 3 FROM d;
CLOSE d;
ROLLBACK;

-- WITH HOLD outlives the transaction
BEGIN;
DECLARE h SCROLL CURSOR WITH HOLD FOR SELECT n FROM scroll WHERE n > 295 ORDER BY n;
FETCH 1 FROM h;
COMMIT;
FETCH 2 FROM h;
FETCH BACKWARD 2 FROM h;
CLOSE h;
