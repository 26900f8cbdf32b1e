-- masstree_check notices when index and table disagree, in both directions.
--
-- An index that is not "ready" is kept up to date neither by INSERT nor by
-- VACUUM: with the catalog's help the disagreements are made here.
\set VERBOSITY terse

-- Nobody else's snapshot keeps the dead rows of a temporary table.
CREATE TEMPORARY TABLE check_t (a integer, b text);
INSERT INTO check_t SELECT g, 'row ' || g FROM generate_series(1, 100) g;
INSERT INTO check_t VALUES (NULL, 'null');
CREATE INDEX check_t_a ON check_t USING masstree (a);
CREATE INDEX check_t_b ON check_t USING masstree (b COLLATE "C") WHERE a <= 50;

CREATE FUNCTION check_ready(index regclass, ready boolean) RETURNS void
LANGUAGE sql AS
'UPDATE pg_index SET indisready = ready WHERE indexrelid = index';

CREATE FUNCTION check_both(index regclass) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	PERFORM masstree_check(index);
	PERFORM masstree_check(index, true);
	RETURN 'agrees';
EXCEPTION WHEN index_corrupted THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN SQLERRM || coalesce(': ' || nullif(detail, ''), '');
END $$;

SELECT check_both('check_t_a'), check_both('check_t_b');

-- Rows that are dead, killed, updated or not committed are no disagreement.
BEGIN;
INSERT INTO check_t VALUES (200, 'aborted');
UPDATE check_t SET a = a + 1000 WHERE a = 7;
UPDATE check_t SET b = 'hot for check_t_a' WHERE a = 8;
SELECT check_both('check_t_a'), check_both('check_t_b');
ROLLBACK;
DELETE FROM check_t WHERE a BETWEEN 20 AND 29;
UPDATE check_t SET b = b || '!' WHERE a < 10;
SELECT check_both('check_t_a'), check_both('check_t_b');
VACUUM check_t;
SELECT check_both('check_t_a'), check_both('check_t_b');

-- A row without an entry.
SELECT check_ready('check_t_a', false);
INSERT INTO check_t VALUES (300, 'missing');
SELECT check_ready('check_t_a', true);
SELECT regexp_replace(check_both('check_t_a'), '\(.*?\)', '(ctid)'),
	check_both('check_t_b');
REINDEX INDEX check_t_a;
SELECT check_both('check_t_a');

-- A NULL without an entry.
SELECT check_ready('check_t_a', false);
INSERT INTO check_t VALUES (NULL, 'missing');
SELECT check_ready('check_t_a', true);
SELECT regexp_replace(check_both('check_t_a'), '\(.*?\)', '(ctid)');
REINDEX INDEX check_t_a;
SELECT check_both('check_t_a');

-- An entry whose row is gone.
SELECT check_ready('check_t_a', false);
DELETE FROM check_t WHERE b = 'row 60';
VACUUM check_t;
SELECT check_ready('check_t_a', true);
SELECT check_both('check_t_a'), check_both('check_t_b');

REINDEX INDEX check_t_a;
SELECT check_both('check_t_a');

-- An entry past the end of the table.
SELECT check_ready('check_t_a', false);
DELETE FROM check_t;
VACUUM check_t;
SELECT check_ready('check_t_a', true);
SELECT regexp_replace(check_both('check_t_a'), '\(.*?\)', '(ctid)'),
	check_both('check_t_b');

-- A row that the partial index must not have.
TRUNCATE check_t;
SELECT check_both('check_t_a'), check_both('check_t_b');
INSERT INTO check_t VALUES (1, 'in');
SELECT check_ready('check_t_b', false);
DELETE FROM check_t;
VACUUM (TRUNCATE off) check_t;
INSERT INTO check_t VALUES (99, 'in');
SELECT check_ready('check_t_b', true);
SELECT check_both('check_t_a'), check_both('check_t_b');

DROP TABLE check_t;
DROP FUNCTION check_ready, check_both;
