-- name columns follow btree's order, are compared with text, and text columns with
-- names; LIKE uses the index.
SELECT setseed(0.2);
CREATE TABLE name_source AS
  SELECT x::name AS v FROM (SELECT unnest(ARRAY['', 'a', 'A', 'ab', 'a b', 'é', 'Z', 'z', repeat('x', 63), repeat('x', 62), 'a%b', '_'])
    UNION ALL SELECT left(md5(random()::text), 1 + (random() * 20)::int) FROM generate_series(1, 1500)
    UNION ALL SELECT unnest(ARRAY['rel', 'att', 'typ', 'pro']) || unnest(ARRAY['name', 'relid', 'isdropped', 'kind'])
    UNION ALL SELECT 'column' || g FROM generate_series(1, 500) g) s(x);
SELECT check_type('name', 'SELECT v FROM name_source');
SELECT check_comparisons('text', 'SELECT v::text || repeat(''x'', g::int % 70) FROM (SELECT v, row_number() OVER () AS g FROM name_source LIMIT 40) s');
SELECT same_rows('SELECT v FROM typed WHERE v LIKE ''a%''', 'typed_v');
SELECT same_rows('SELECT v FROM typed WHERE v LIKE ''_'' AND v > ''Z''', 'typed_v');
SELECT same_rows('SELECT p.n, t.v FROM probe p, typed t WHERE t.v LIKE left(p.a, 2) || ''%''', 'typed_v');
SELECT same_rows('SELECT v FROM typed WHERE v LIKE ''a\%b''', 'typed_v', 'bitmap');
SELECT check_type('text COLLATE "C"', 'SELECT v::text FROM name_source');
SELECT check_comparisons('name', 'SELECT v FROM name_source LIMIT 40');
-- a name with a collation of its own
CREATE COLLATION IF NOT EXISTS name_libc (provider = libc, locale = 'C.UTF-8');
CREATE TABLE named AS SELECT row_number() OVER () AS id, v COLLATE name_libc AS v FROM name_source;
CREATE INDEX named_v ON named USING masstree (v);
ANALYZE named;
SELECT same_rows('SELECT id FROM named WHERE v = ''attname'' COLLATE name_libc', 'named_v');
SELECT same_rows('SELECT id FROM named WHERE v > ''relname'' COLLATE name_libc', 'named_v');
SELECT same_rows('SELECT id FROM named WHERE v LIKE ''pro%''', 'named_v');
SELECT masstree_check('named_v', true);
