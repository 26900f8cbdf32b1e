-- time, timetz and interval keys follow btree's order; intervals of equal length are one
-- key, whatever their parts.
SELECT setseed(0.35);
SET intervalstyle = 'postgres';
SELECT check_type('time', 'SELECT unnest(''{00:00,24:00,23:59:59.999999,12:00,00:00:00.000001}''::time[]) UNION ALL SELECT ''00:00''::time + random() * ''24 hours''::interval FROM generate_series(1, 2000)
  UNION ALL SELECT ''00:00''::time + g * ''1 minute''::interval FROM generate_series(1, 200) g');
CREATE TABLE timetz_source AS SELECT row_number() OVER () AS id, v FROM (
  SELECT unnest('{00:00+00,24:00+00,24:00-15:59,00:00+15:59,12:00+00,13:00+01,11:00-01,12:00+01,00:00-15:59:59,24:00+15:59:59,23:59:59.999999+00}'::timetz[])
  UNION ALL SELECT (('00:00'::time + (random() * 24)::int * '1 hour'::interval)::text || (ARRAY['+00', '+01', '-01', '+05:30', '-08', '+15:59'])[1 + (random() * 5)::int])::timetz FROM generate_series(1, 1500)
  UNION ALL SELECT (('00:00'::time + random() * '24 hours'::interval)::text || '-03')::timetz FROM generate_series(1, 500)) s(v);
SELECT check_type('timetz', 'SELECT v FROM timetz_source');
SELECT same_rows('SELECT v FROM typed WHERE v = ''12:00+00''', 'typed_v');
SELECT same_rows('SELECT v FROM typed WHERE v > ''12:00+00'' AND v < ''11:00-01''', 'typed_v');
CREATE TABLE interval_source (id serial, v interval);
INSERT INTO interval_source (v) VALUES ('0'), ('1 month'), ('30 days'), ('720 hours'), ('29 days 24 hours'), ('-1 month'), ('-30 days'), ('1 month -30 days'), ('1 day -24 hours'), ('00:00:00.000001'),
  ('-00:00:00.000001'), ('24 hours'), ('1 day'), ('23:59:59.999999'), ('-24 hours'), ('-1 day'), ('-23:59:59.999999'), ('-1 day -00:00:00.000001'), ('1 year'), ('360 days'),
  ('2147483647 months'), ('-2147483648 months'), ('2147483647 days'), ('-2147483648 days'), ('2562047788:00:54.775807'), ('-2562047788:00:54.775807'),
  ('2147483647 months 2147483647 days 2562047788:00:54.775807'), ('-2147483648 months -2147483648 days -2562047788:00:54.775807'),
  ('2147483647 months -2147483648 days'), ('-2147483648 months 2147483647 days'), ('2147483647 months -2147483648 days -2562047788:00:54.775807');
INSERT INTO interval_source (v) SELECT make_interval(months => ((random() - 0.5) * 10 ^ (random() * 9))::int, days => ((random() - 0.5) * 10 ^ (random() * 9))::int, secs => (random() - 0.5) * 10 ^ (random() * 9)) FROM generate_series(1, 1000);
INSERT INTO interval_source (v) SELECT make_interval(months => g % 5 - 2, days => g % 61 - 30, hours => g % 97 - 48) FROM generate_series(1, 1200) g;
SELECT check_type('interval', 'SELECT v FROM interval_source');
SELECT check_comparisons('interval', 'SELECT v FROM interval_source WHERE id <= 31');
SELECT same_rows('SELECT v FROM typed WHERE v = ''30 days''', 'typed_v');
SELECT same_rows('SELECT v FROM typed WHERE v = ''0''', 'typed_v', 'bitmap');
CREATE TABLE interval_once (i interval, EXCLUDE USING masstree (i WITH =));
INSERT INTO interval_once VALUES ('1 month');
INSERT INTO interval_once VALUES ('30 days');
