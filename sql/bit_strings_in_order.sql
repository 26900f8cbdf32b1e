-- bit and varbit follow btree's order: the bytes, then the number of bits; zeros at the end
-- count, and so does the last incomplete byte.
SELECT setseed(0.55);
CREATE TABLE bit_source AS SELECT v::varbit FROM (
  SELECT repeat('0', g) FROM generate_series(0, 40) g
  UNION ALL SELECT repeat('1', g) FROM generate_series(1, 40) g
  UNION ALL SELECT '1' || repeat('0', g) FROM generate_series(0, 40) g
  UNION ALL SELECT repeat('0', g) || '1' FROM generate_series(0, 40) g
  UNION ALL SELECT repeat('0', 8 * (g / 9)) || repeat('1', 1 + g % 9) FROM generate_series(1, 80) g
  UNION ALL SELECT repeat('10', 1000) || repeat('0', g) FROM generate_series(0, 20) g
  UNION ALL SELECT left((floor(random() * 65536)::int)::bit(16)::text, (random() * 16)::int) FROM generate_series(1, 1200)
  UNION ALL SELECT left(('x' || md5(random()::text))::bit(128)::text, (random() * 128)::int) FROM generate_series(1, 600)) s(v);
SELECT check_type('varbit', 'SELECT v FROM bit_source');
SELECT same_rows('SELECT v FROM typed WHERE v = B''''', 'typed_v');
SELECT same_rows('SELECT v FROM typed WHERE v = B''00000000''', 'typed_v');
SELECT same_rows('SELECT v FROM typed WHERE v > B''0000000'' AND v < B''00000000000000001''', 'typed_v');
SELECT check_type('bit(20)', 'SELECT v::bit(20) FROM bit_source');
SELECT check_type('bit(8)', 'SELECT v::bit(8) FROM bit_source');
