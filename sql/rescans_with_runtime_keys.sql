-- The inner side of a nested loop gets new keys at every rescan, NULLs among them.
CREATE TABLE rescan_outer (k text COLLATE "C", n int);
INSERT INTO rescan_outer
  SELECT CASE WHEN g % 10 = 0 THEN NULL ELSE 'k' || (g * 37 % 600) END,
         CASE WHEN g % 11 = 0 THEN NULL ELSE g * 37 % 600 END
  FROM generate_series(1, 500) g;
CREATE TABLE rescan_inner (id int, k text COLLATE "C", n int);
INSERT INTO rescan_inner SELECT g, 'k' || (g % 400), g % 400 FROM generate_series(1, 2000) g;
INSERT INTO rescan_inner VALUES (3000, NULL, NULL);
CREATE INDEX rescan_inner_k ON rescan_inner USING masstree (k);
CREATE INDEX rescan_inner_n ON rescan_inner USING masstree (n);
VACUUM ANALYZE rescan_outer;
VACUUM ANALYZE rescan_inner;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SELECT same_rows('SELECT o.k, i.id FROM rescan_outer o JOIN rescan_inner i ON i.k = o.k', 'rescan_inner_k');
SELECT same_rows('SELECT o.n, i.id FROM rescan_outer o JOIN rescan_inner i ON i.n = o.n', 'rescan_inner_n');
SELECT same_rows('SELECT o.k, i.id FROM rescan_outer o LEFT JOIN rescan_inner i ON i.k = o.k', 'rescan_inner_k');
SELECT same_rows('SELECT o.k FROM rescan_outer o WHERE NOT EXISTS (SELECT FROM rescan_inner i WHERE i.k = o.k)',
  'rescan_inner_k');
SELECT same_rows('SELECT o.k, i.id FROM rescan_outer o JOIN rescan_inner i ON i.k = o.k', 'rescan_inner_k', 'bitmap');
-- ranges whose ends come from outside, with LIMIT: scans end early and start again
SELECT same_rows('SELECT o.k, l.* FROM rescan_outer o,
  LATERAL (SELECT i.k AS ik FROM rescan_inner i WHERE i.k >= o.k ORDER BY i.k LIMIT 3) l', 'rescan_inner_k');
SELECT same_rows('SELECT o.n, l.* FROM rescan_outer o,
  LATERAL (SELECT i.n AS ik FROM rescan_inner i WHERE i.n < o.n ORDER BY i.n DESC LIMIT 3) l', 'rescan_inner_n');
SELECT same_rows('SELECT o.n, l.* FROM rescan_outer o,
  LATERAL (SELECT count(*) FROM rescan_inner i WHERE i.n BETWEEN o.n AND o.n + 5) l', 'rescan_inner_n');
SELECT same_rows('SELECT o.k, (SELECT max(i.k) FROM rescan_inner i WHERE i.k < o.k) FROM rescan_outer o',
  'rescan_inner_k');
