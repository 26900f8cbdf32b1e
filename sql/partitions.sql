-- Partitioned tables: one masstree index for each partition, kept together by the
-- partitioned index; plans leave out partitions, when they are made and when they
-- run, and read the others in order.
CREATE TABLE pt (k text COLLATE "C", n int, note text) PARTITION BY RANGE (n);
CREATE TABLE pt_1 PARTITION OF pt FOR VALUES FROM (0) TO (1000);
CREATE TABLE pt_2 PARTITION OF pt FOR VALUES FROM (1000) TO (2000);
CREATE TABLE pt_3 PARTITION OF pt FOR VALUES FROM (2000) TO (3000);
CREATE TABLE pt_rest PARTITION OF pt DEFAULT;
INSERT INTO pt SELECT 'k' || lpad((g * 7919 % 3500)::text, 4, '0'), g, 'n' || g FROM generate_series(0, 3499) g;
CREATE INDEX pt_k ON pt USING masstree (k);
CREATE INDEX pt_n ON pt USING masstree (n);
INSERT INTO pt VALUES (NULL, NULL, 'nulls'), ('k0100', NULL, 'null n'), (NULL, 17, 'null k');
VACUUM ANALYZE pt;
SELECT c.relname, c.relkind, a.amname, i.indisvalid, inhparent::regclass FROM pg_index i
  JOIN pg_class c ON c.oid = indexrelid LEFT JOIN pg_am a ON a.oid = relam LEFT JOIN pg_inherits ON inhrelid = c.oid
  WHERE indrelid IN (SELECT relid FROM pg_partition_tree('pt')) ORDER BY c.relname COLLATE "C";

-- plans: partitions left out, the rest merged in order
SELECT set_mode('index');
EXPLAIN (COSTS OFF) SELECT k FROM pt WHERE k BETWEEN 'k0100' AND 'k0120' AND n < 2000 ORDER BY k;
EXPLAIN (COSTS OFF) SELECT k, n FROM pt WHERE k > 'k3000' ORDER BY k DESC LIMIT 5;
-- ranges that lie in the order of the key need no merge
EXPLAIN (COSTS OFF) SELECT n FROM pt WHERE n BETWEEN 0 AND 2500 ORDER BY n LIMIT 5;
EXPLAIN (COSTS OFF) SELECT n FROM pt WHERE n BETWEEN 500 AND 1500 ORDER BY n DESC;
EXPLAIN (COSTS OFF) SELECT min(k), max(k) FROM pt WHERE n < 1000;
SELECT reset_mode();
-- answers
SELECT same_rows('SELECT k, n FROM pt WHERE k = ''k0100''', 'pt_3_k_idx');
SELECT same_rows('SELECT k, n FROM pt WHERE k = ''k0100''', 'pt_3_k_idx', 'bitmap');
SELECT same_rows('SELECT k, n FROM pt WHERE k = ''k0100'' AND n < 1000', 'pt_1_k_idx');
SELECT same_rows('SELECT k FROM pt WHERE k BETWEEN ''k0100'' AND ''k0120'' AND n < 2000 ORDER BY k', 'pt_2_k_idx');
SELECT same_rows('SELECT k FROM pt WHERE k > ''k1'' ORDER BY k', 'pt_rest_k_idx');
SELECT same_rows('SELECT k FROM pt ORDER BY k DESC', 'pt_rest_k_idx');
SELECT same_rows('SELECT n FROM pt WHERE n < 2500 ORDER BY n', 'pt_2_n_idx');
SELECT same_rows('SELECT n FROM pt WHERE n BETWEEN 500 AND 1500 ORDER BY n DESC', 'pt_1_n_idx');
SELECT same_rows('SELECT k FROM pt WHERE k LIKE ''k01%'' ORDER BY k', 'pt_1_k_idx');
SELECT same_rows('SELECT n FROM pt WHERE k IS NULL', 'pt_1_k_idx');
SELECT same_rows('SELECT n FROM pt WHERE n IS NULL', 'pt_rest_n_idx');
SELECT same_rows('SELECT min(k), max(k) FROM pt', 'pt_rest_k_idx');
SELECT same_rows('SELECT min(n), max(n) FROM pt WHERE n > 100', 'pt_1_n_idx');

-- left out when the plan runs: a parameter, a subquery, values of a join
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SET enable_memoize = off;
SET plan_cache_mode = force_generic_plan;
PREPARE by_n (int, int) AS SELECT k, n FROM pt WHERE n BETWEEN $1 AND $2;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) EXECUTE by_n (998, 1001);
EXECUTE by_n (998, 1001);
EXECUTE by_n (1001, 998);
EXECUTE by_n (NULL, 5);
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT k FROM pt WHERE n = (SELECT 1234);
CREATE TABLE pt_probe (n int);
INSERT INTO pt_probe VALUES (10), (20), (2010), (NULL);
ANALYZE pt_probe;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT p.n, pt.k FROM pt_probe p JOIN pt ON pt.n = p.n;
SELECT p.n, pt.k FROM pt_probe p JOIN pt ON pt.n = p.n ORDER BY p.n, pt.k;
DEALLOCATE by_n;
RESET ALL;
SET client_min_messages = warning;

-- rows that move from partition to partition
UPDATE pt SET n = n + 1000 WHERE k BETWEEN 'k0100' AND 'k0200';
SELECT same_rows('SELECT k, n FROM pt WHERE k BETWEEN ''k0100'' AND ''k0200'' ORDER BY k, n', 'pt_2_k_idx', 'bitmap');
DELETE FROM pt WHERE n % 5 = 0;
VACUUM pt;
SELECT same_rows('SELECT k FROM pt WHERE k < ''k2'' ORDER BY k', 'pt_2_k_idx');
SELECT masstree_check(c.oid, true) FROM pg_class c JOIN pg_am a ON a.oid = relam
  WHERE amname = 'masstree' AND relname LIKE 'pt\_%' AND relkind = 'i';

-- ATTACH takes a masstree index that is there, and no index of another kind
CREATE TABLE pt_4 (k text COLLATE "C", n int, note text);
INSERT INTO pt_4 SELECT 'k' || g, g, '' FROM generate_series(5000, 5099) g;
CREATE INDEX pt_4_mine ON pt_4 USING masstree (k);
CREATE INDEX pt_4_btree ON pt_4 (n);
DELETE FROM pt WHERE n >= 5000;
ALTER TABLE pt ATTACH PARTITION pt_4 FOR VALUES FROM (5000) TO (6000);
SELECT i.indexrelid::regclass AS index, inhparent::regclass AS parent FROM pg_index i LEFT JOIN pg_inherits ON inhrelid = indexrelid
  WHERE indrelid = 'pt_4'::regclass ORDER BY i.indexrelid::regclass::text COLLATE "C";
SELECT same_rows('SELECT k FROM pt WHERE k > ''k50'' AND n > 4000 ORDER BY k', 'pt_4_mine');
-- DETACH leaves the index with the table
ALTER TABLE pt DETACH PARTITION pt_4;
SELECT same_rows('SELECT k FROM pt_4 WHERE k > ''k50'' ORDER BY k', 'pt_4_mine');
ALTER TABLE pt DETACH PARTITION pt_3 CONCURRENTLY;
ALTER TABLE pt DETACH PARTITION pt_rest;
ALTER TABLE pt DETACH PARTITION pt_3 CONCURRENTLY;
SELECT same_rows('SELECT k FROM pt_3 WHERE k > ''k2'' ORDER BY k', 'pt_3_k_idx');
SELECT same_rows('SELECT k FROM pt WHERE k > ''k2'' ORDER BY k', 'pt_2_k_idx');

-- an index for the parent only is valid when every partition has its own
CREATE TABLE po (k int) PARTITION BY HASH (k);
CREATE TABLE po_0 PARTITION OF po FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE po_1 PARTITION OF po FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO po SELECT g % 300 FROM generate_series(1, 1000) g;
CREATE INDEX po_k ON ONLY po USING masstree (k);
CREATE INDEX po_0_k ON po_0 USING masstree (k);
CREATE INDEX po_1_k ON po_1 USING masstree (k);
CREATE INDEX po_1_b ON po_1 (k);
ALTER INDEX po_k ATTACH PARTITION po_0_k;
SELECT indisvalid FROM pg_index WHERE indexrelid = 'po_k'::regclass;
ALTER INDEX po_k ATTACH PARTITION po_1_b;
ALTER INDEX po_k ATTACH PARTITION po_1_k;
SELECT indisvalid FROM pg_index WHERE indexrelid = 'po_k'::regclass;
SELECT same_rows('SELECT k FROM po WHERE k = 123', 'po_[01]_k');
SELECT same_rows('SELECT k FROM po WHERE k > 123 ORDER BY k', 'po_1_k');
REINDEX INDEX po_k;
REINDEX TABLE CONCURRENTLY po;
SELECT same_rows('SELECT k FROM po WHERE k > 123 ORDER BY k', 'po_1_k');
SELECT masstree_check('po_0_k', true), masstree_check('po_1_k', true);
DROP INDEX po_0_k;
CREATE INDEX CONCURRENTLY ON po USING masstree (k);
TRUNCATE po;
INSERT INTO po SELECT g FROM generate_series(1, 10) g;
SELECT same_rows('SELECT k FROM po WHERE k > 3 ORDER BY k', 'po_1_k');
DROP INDEX po_k;
SELECT count(*) FROM pg_stat_masstree WHERE relname LIKE 'po\__';

-- lists, partitions of partitions, partitions joined one by one
CREATE TABLE pl (region text COLLATE "C", k int) PARTITION BY LIST (region);
CREATE TABLE pl_eu PARTITION OF pl FOR VALUES IN ('de', 'fr') PARTITION BY RANGE (k);
CREATE TABLE pl_eu_1 PARTITION OF pl_eu FOR VALUES FROM (0) TO (500);
CREATE TABLE pl_eu_2 PARTITION OF pl_eu FOR VALUES FROM (500) TO (MAXVALUE);
CREATE TABLE pl_none PARTITION OF pl FOR VALUES IN (NULL, 'xx');
CREATE INDEX pl_k ON pl USING masstree (k);
CREATE INDEX pl_region ON pl USING masstree (region);
INSERT INTO pl SELECT (ARRAY['de', 'fr', 'xx', NULL])[1 + g % 4], g FROM generate_series(0, 999) g;
ANALYZE pl;
SELECT same_rows('SELECT region, k FROM pl WHERE region = ''de'' AND k BETWEEN 490 AND 510', 'pl_eu_2_k_idx');
SELECT same_rows('SELECT region FROM pl WHERE region IS NULL', 'pl_none_region_idx');
SELECT same_rows('SELECT k FROM pl WHERE k > 600 ORDER BY k DESC', 'pl_eu_2_k_idx');
SET enable_partitionwise_join = on;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT same_rows('SELECT a.k, b.k AS other FROM pl a JOIN pl b ON a.region = b.region AND a.k = b.k WHERE a.k < 50',
  'pl_eu_1_k_idx');
-- a unique index over partitions is refused, as is an exclusion constraint
CREATE UNIQUE INDEX ON pl USING masstree (k);
ALTER TABLE pl ADD EXCLUDE USING masstree (k WITH =);
DROP TABLE pt, po, pl;
SELECT count(*) FROM pg_stat_masstree WHERE relname ~ '^(pt|po|pl)_' AND relname NOT IN ('pt_3', 'pt_4', 'pt_rest');
