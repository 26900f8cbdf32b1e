-- Trees made, changed and dropped in subtransactions.
CREATE TABLE sub (n int);
INSERT INTO sub SELECT generate_series(1, 100);
BEGIN;
SAVEPOINT a;
CREATE INDEX sub_n ON sub USING masstree (n);
INSERT INTO sub VALUES (101);
SELECT same_rows('SELECT n FROM sub WHERE n > 95 ORDER BY n', 'sub_n');
SAVEPOINT b;
INSERT INTO sub VALUES (102);
REINDEX INDEX sub_n;
SELECT same_rows('SELECT n FROM sub WHERE n > 95 ORDER BY n', 'sub_n');
ROLLBACK TO b;
SELECT same_rows('SELECT n FROM sub WHERE n > 95 ORDER BY n', 'sub_n');
DROP INDEX sub_n;
SELECT same_rows('SELECT n FROM sub WHERE n > 95 ORDER BY n', 'sub_n');
ROLLBACK TO b;
SELECT same_rows('SELECT n FROM sub WHERE n > 95 ORDER BY n', 'sub_n');
RELEASE a;
INSERT INTO sub VALUES (103);
SELECT same_rows('SELECT n FROM sub WHERE n > 95 ORDER BY n', 'sub_n');
COMMIT;
SELECT same_rows('SELECT n FROM sub WHERE n > 95 ORDER BY n', 'sub_n');
SELECT masstree_check('sub_n', true);

BEGIN;
SAVEPOINT a;
TRUNCATE sub;
INSERT INTO sub VALUES (1000);
SELECT same_rows('SELECT n FROM sub WHERE n > 95 ORDER BY n', 'sub_n');
ROLLBACK TO a;
SELECT same_rows('SELECT n FROM sub WHERE n > 95 ORDER BY n', 'sub_n');
INSERT INTO sub VALUES (104);
COMMIT;
SELECT same_rows('SELECT n FROM sub WHERE n > 95 ORDER BY n', 'sub_n');
SELECT masstree_check('sub_n', true);

-- a scan that is open when its subtransaction ends in an error
BEGIN;
DECLARE c CURSOR FOR SELECT n FROM sub ORDER BY n;
FETCH 1 FROM c;
SAVEPOINT a;
DECLARE d CURSOR FOR SELECT n FROM sub ORDER BY n DESC;
FETCH 1 FROM d;
SELECT 1 / 0;
ROLLBACK TO a;
FETCH 1 FROM c;
FETCH 1 FROM d;
ROLLBACK;

-- exceptions in PL/pgSQL
CREATE TABLE sub_ex (n int, EXCLUDE USING masstree (n WITH =));
DO $$
BEGIN
  FOR i IN 1..200 LOOP
    BEGIN
      INSERT INTO sub_ex VALUES (i % 50);
    EXCEPTION WHEN exclusion_violation THEN
      NULL;
    END;
  END LOOP;
END $$;
SELECT count(*) FROM sub_ex;
SELECT masstree_check('sub_ex_n_excl', true);

-- in a transaction that has failed nothing is answered; no hook stands in the way of its end
BEGIN;
DECLARE c CURSOR FOR SELECT n FROM sub ORDER BY n;
SAVEPOINT a;
SELECT 1 / 0;
SELECT n FROM sub WHERE n > 98 ORDER BY n;
EXPLAIN (COSTS OFF) SELECT n FROM sub WHERE n > 98;
FETCH 1 FROM c;
INSERT INTO sub VALUES (2000);
SELECT masstree_check('sub_n');
ROLLBACK TO a;
FETCH 1 FROM c;
SELECT same_rows('SELECT n FROM sub WHERE n > 95 ORDER BY n', 'sub_n');
SELECT 1 / 0;
CREATE INDEX sub_again ON sub USING masstree (n);
COMMIT;
SELECT same_rows('SELECT n FROM sub WHERE n > 95 ORDER BY n', 'sub_n');
SELECT masstree_check('sub_n', true);
