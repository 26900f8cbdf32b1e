-- A merge join goes back to a mark in the inner scan, and needs no Materialize for
-- it.  Groups of equal keys are short, a batch long, and several batches long.
CREATE TABLE merge_a (id serial, k int);
CREATE TABLE merge_b (id serial, k int);
INSERT INTO merge_a (k) SELECT g % 50 FROM generate_series(1, 150) g;
INSERT INTO merge_a (k) VALUES (NULL), (1000), (-5), (1000);
INSERT INTO merge_b (k) SELECT CASE WHEN g % 11 = 0 THEN 7 WHEN g % 5 = 0 THEN 1000 ELSE g % 60 END FROM generate_series(1, 9000) g;
INSERT INTO merge_b (k) VALUES (NULL), (-5), (-5), (NULL);
CREATE INDEX merge_a_k ON merge_a USING masstree (k);
CREATE INDEX merge_b_k ON merge_b USING masstree (k);
VACUUM ANALYZE merge_a;
VACUUM ANALYZE merge_b;
SET enable_hashjoin = off;
SET enable_nestloop = off;
SET enable_material = off;
SET enable_seqscan = off;
SET enable_sort = off;
EXPLAIN (COSTS OFF) SELECT a.id, b.id FROM merge_a a JOIN merge_b b ON a.k = b.k;
CREATE FUNCTION check_merge(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  by_merge text[];
  by_hash text[];
BEGIN
  SET enable_hashjoin = off;
  SET enable_mergejoin = on;
  by_merge := rows_of(query);
  SET enable_hashjoin = on;
  SET enable_mergejoin = off;
  by_hash := rows_of(query);
  SET enable_mergejoin = on;
  SET enable_hashjoin = off;
  RETURN format('%s rows, %s', cardinality(by_merge), CASE WHEN by_merge = by_hash THEN 'same' ELSE 'DIFFERENT' END);
END $$;
SELECT check_merge('SELECT a.id, b.id AS b FROM merge_a a JOIN merge_b b ON a.k = b.k');
SELECT check_merge('SELECT a.id, b.id AS b FROM merge_a a LEFT JOIN merge_b b ON a.k = b.k');
SELECT check_merge('SELECT a.id, b.id AS b FROM merge_b a JOIN merge_b b ON a.k = b.k AND a.id < 100');
SELECT check_merge('SELECT a.id, b.id AS b FROM merge_a a JOIN merge_b b ON a.k = b.k AND a.k = ANY (''{7,1000,3,-5}'')');
SELECT check_merge('SELECT a.id, b.id AS b FROM merge_a a JOIN merge_b b ON a.k = b.k AND b.k = ANY (''{7,1000,3,-5}'')');
-- the inner scan has several ranges, whichever table it is of, and goes back to one before
SELECT check_merge('SELECT a.id, b.id AS b FROM merge_a a JOIN merge_b b ON a.k = b.k AND a.k = ANY (''{7,1000,3,-5,8,9}'') AND b.k = ANY (''{7,1000,3,-5,8,9}'')');
SELECT check_merge('SELECT count(*) FROM merge_a a JOIN merge_b b ON a.k = b.k');
-- dead rows in the inner table, killed on the way
DELETE FROM merge_b WHERE id % 3 = 0;
SELECT check_merge('SELECT a.id, b.id AS b FROM merge_a a JOIN merge_b b ON a.k = b.k');
SELECT check_merge('SELECT a.id, b.id AS b FROM merge_a a JOIN merge_b b ON a.k = b.k');
SELECT masstree_check('merge_b_k', true);

-- CLUSTER puts the table into the order of the index
CREATE TABLE clustered (id serial, t text COLLATE "C", n int);
INSERT INTO clustered (t, n) SELECT md5(g::text), hashint4(g) % 1000 FROM generate_series(1, 3000) g;
INSERT INTO clustered (t, n) VALUES (NULL, NULL), (NULL, 1), ('x', NULL);
DELETE FROM clustered WHERE id % 10 = 0;
CREATE INDEX clustered_t ON clustered USING masstree (t DESC);
CREATE INDEX clustered_n ON clustered USING masstree (n NULLS FIRST);
CREATE TABLE clustered_before AS SELECT * FROM clustered;
CLUSTER clustered USING clustered_t;
SELECT count(*) FROM (SELECT t, lead(t) OVER (ORDER BY ctid) AS next FROM clustered) s WHERE t < next;
SELECT t FROM clustered ORDER BY ctid LIMIT 2;
CLUSTER clustered USING clustered_n;
SELECT count(*) FROM (SELECT n, lead(n) OVER (ORDER BY ctid) AS next FROM clustered) s WHERE n > next;
SELECT n FROM clustered ORDER BY ctid LIMIT 2;
SELECT indisclustered FROM pg_index WHERE indexrelid = 'clustered_n'::regclass;
SELECT count(*) FROM (SELECT * FROM clustered EXCEPT ALL SELECT * FROM clustered_before) s;
SELECT count(*) FROM clustered, clustered_before b WHERE clustered.id = b.id;
CLUSTER clustered;
SELECT masstree_check('clustered_t', true), masstree_check('clustered_n', true);
SELECT same_rows('SELECT n FROM clustered WHERE n BETWEEN 10 AND 400 ORDER BY n', 'clustered_n');
