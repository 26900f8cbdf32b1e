-- numeric keys follow btree's order whatever their sign, size and scale; equal
-- numbers of different scale are one key; NaN and infinities have their places.
SELECT setseed(0.1);
CREATE TABLE numeric_source (id serial, v numeric);
INSERT INTO numeric_source (v) VALUES ('NaN'), ('Infinity'), ('-Infinity'), (0), (0.00), (-0.0), (1), (1.0), (1.00000), (-1), (-1.00), (0.0001), (0.00010),
  (9999), (10000), (10001), (9999.9999), (10000.0001), (-9999), (-10000), (-9999.9999), (-10000.0001), (100), (99), (1.01), (1.0099), (1.00990001),
  (100000000), (99999999), (1e24), (1e96), (1e100), (1e104), (-1e96), (-1e100), (-1e104), (1e-92), (1e-96), (1e-100), (-1e-92), (-1e-96), (-1e-100),
  (1e131071), (-1e131071), (9.9e131071), (1e-16383), (-1e-16383), (2e-16383), (1e-16380), (1.5), (1.50), (15e-1);
SELECT make_typed('numeric', 'SELECT v FROM numeric_source');
SELECT check_comparisons('numeric', 'SELECT v FROM numeric_source');
-- the largest, with the smallest last digit
CREATE TABLE numeric_huge AS SELECT v FROM numeric_source WHERE id <= 8;
INSERT INTO numeric_huge VALUES (10::numeric ^ 16383), (1e131071);
INSERT INTO numeric_huge SELECT ('1' || repeat('0', 131071) || '.' || repeat('0', 16382) || '1')::numeric;
INSERT INTO numeric_huge SELECT (repeat('9', 131072) || '.' || repeat('9', 16383))::numeric;
INSERT INTO numeric_huge SELECT -v FROM numeric_huge WHERE v > 10;
SELECT check_type('numeric', 'SELECT v FROM numeric_huge');
-- many
INSERT INTO numeric_source (v) SELECT round((random() - 0.5)::numeric * 10::numeric ^ floor(random() * 12)::int, floor(random() * 8)::int) FROM generate_series(1, 1200);
INSERT INTO numeric_source (v) SELECT (random() - 0.5)::numeric * 10::numeric ^ floor(random() * 300 - 150)::int FROM generate_series(1, 500);
-- long ones with a common beginning, and integers with zeros at the end
INSERT INTO numeric_source (v) SELECT (1 - 2 * (g % 2)) * (repeat('123456789', 1 + g % 7) || '.' || repeat('10', g % 5) || g)::numeric FROM generate_series(1, 300) g;
INSERT INTO numeric_source (v) SELECT (g % 21 - 10) * 10::numeric ^ (g % 30) FROM generate_series(1, 400) g;
SELECT check_type('numeric', 'SELECT v FROM numeric_source ORDER BY id');
SELECT same_rows('SELECT id, v FROM typed WHERE v = 1', 'typed_v');
SELECT same_rows('SELECT id, v FROM typed WHERE v = 0.000', 'typed_v');
SELECT same_rows('SELECT id, v FROM typed WHERE v = ''NaN''', 'typed_v');
SELECT same_rows('SELECT id, v FROM typed WHERE v IN (1.50, 10000, ''Infinity'', 7777.25)', 'typed_v', 'bitmap');
SELECT same_rows('SELECT id FROM typed WHERE v > 0 AND v < 0.001', 'typed_v');
SELECT same_rows('SELECT id FROM typed WHERE v BETWEEN -1.000 AND 1', 'typed_v');
SELECT same_rows('SELECT id FROM typed WHERE v = 3', 'typed_v');
-- with a scale of its own, and a scale that rounds before the point
SELECT check_type('numeric(12,2)', 'SELECT round((random() * 2000 - 1000)::numeric, 2) FROM generate_series(1, 2000)');
SELECT check_type('numeric(6,-3)', 'SELECT (random() * 2e8 - 1e8)::numeric FROM generate_series(1, 500)');
CREATE TABLE numeric_once (n numeric, EXCLUDE USING masstree (n WITH =));
INSERT INTO numeric_once VALUES (1.0);
INSERT INTO numeric_once VALUES (1.000);
