-- float4 and float8 keys follow btree's order: NaN above all and equal to itself,
-- minus zero equal to zero; and each is compared with values of the other.
SELECT setseed(0.5);
CREATE VIEW float8_values AS
  SELECT unnest('{0,-0,NaN,Infinity,-Infinity,1,-1,4.9e-324,-4.9e-324,2.2250738585072014e-308,1.7976931348623157e308,
    -1.7976931348623157e308,0.1,0.30000000000000004,3.4028234663852886e38,3.4028235677973366e38,1e39,-1e39,1.1754943508222875e-38,
    1.401298464324817e-45,1e-46,-1e-46,16777216,16777217,16777218,9007199254740993,0.5,-0.5,-NaN}'::float8[])
  UNION ALL SELECT (random() - 0.5) * 10 ^ (random() * 600 - 300) FROM generate_series(1, 1500)
  UNION ALL SELECT (random() - 0.5) * 100 FROM generate_series(1, 500)
  UNION ALL SELECT round(random() * 50) / 8 FROM generate_series(1, 300);
CREATE VIEW float4_values AS
  SELECT unnest('{0,-0,NaN,Infinity,-Infinity,1,-1,1e-45,-1e-45,1.1754944e-38,3.4028235e38,-3.4028235e38,0.1,0.3,16777216,16777218,0.5,-0.5}'::float4[])
  UNION ALL SELECT ((random() - 0.5) * 10 ^ (random() * 70 - 32))::float4 FROM generate_series(1, 1500)
  UNION ALL SELECT ((random() - 0.5) * 100)::float4 FROM generate_series(1, 500)
  UNION ALL SELECT (round(random() * 50) / 8)::float4 FROM generate_series(1, 300);
SELECT check_type('float8', 'SELECT * FROM float8_values');
SELECT check_comparisons('float4', 'SELECT unnest FROM float4_values LIMIT 40');
SELECT same_rows('SELECT id, v FROM typed WHERE v = 0', 'typed_v');
SELECT same_rows('SELECT id, v FROM typed WHERE v = ''-0''', 'typed_v');
SELECT same_rows('SELECT id, v FROM typed WHERE v = ''NaN''', 'typed_v');
SELECT same_rows('SELECT id, v FROM typed WHERE v > ''Infinity''', 'typed_v');
SELECT same_rows('SELECT id, v FROM typed WHERE v IN (0.5, ''-0'', 0.1, NULL)', 'typed_v', 'bitmap');
SELECT check_type('float4', 'SELECT * FROM float4_values');
SELECT check_comparisons('float8', 'SELECT unnest FROM float8_values LIMIT 60');
-- what a real column cannot hold lies between two of its values
SELECT check_comparisons('float8', 'SELECT v::float8 + d * abs(v::float8) * 1e-9 FROM typed, unnest(''{-1,1}''::int[]) d WHERE id <= 40 ORDER BY id');
SELECT same_rows('SELECT id FROM typed WHERE v = 0.1', 'typed_v');
SELECT same_rows('SELECT id FROM typed WHERE v = 0.1::float4', 'typed_v');
-- two images of zero are one key to an exclusion constraint
CREATE TABLE zero_once (f float8, EXCLUDE USING masstree (f WITH =));
INSERT INTO zero_once VALUES (0), ('NaN');
INSERT INTO zero_once VALUES ('-0');
INSERT INTO zero_once VALUES ('NaN');
