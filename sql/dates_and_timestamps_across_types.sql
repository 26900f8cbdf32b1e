-- date, timestamp and timestamptz columns follow btree's order and are compared with
-- values of each other, by the TimeZone of the query.
SELECT setseed(0.6);
SET datestyle = 'ISO, YMD';
SET timezone = 'America/New_York';
CREATE TABLE moments (id serial, v timestamp);
INSERT INTO moments (v) VALUES ('infinity'), ('-infinity'), ('2000-01-01'), ('1999-12-31 23:59:59.999999'), ('2000-01-01 00:00:00.000001'), ('4713-11-24 00:00 BC'),
  ('4713-11-24 05:00 BC'), ('294276-12-31 23:59:59.999999'), ('294276-12-31'), ('1970-01-01'), ('1969-12-31 12:00'),
  -- New York: no 2:30 on 9 March 2008, two of 1:30 on 2 November
  ('2008-03-09 01:59:59'), ('2008-03-09 02:00'), ('2008-03-09 02:30'), ('2008-03-09 02:59:59.999999'), ('2008-03-09 03:00'), ('2008-03-09 03:30'), ('2008-11-02 00:30'), ('2008-11-02 01:00'),
  ('2008-11-02 01:30'), ('2008-11-02 02:00'), ('2008-03-09'), ('2008-03-10'), ('2008-11-02'), ('2008-11-03'),
  -- Apia: no 30 December 2011
  ('2011-12-29 10:00'), ('2011-12-29 23:59:59'), ('2011-12-30'), ('2011-12-30 10:00'), ('2011-12-30 12:00'), ('2011-12-30 23:00'), ('2011-12-31'), ('2011-12-31 01:00'), ('2012-01-01');
CREATE TABLE moments_extreme AS TABLE moments;
INSERT INTO moments (v) SELECT '1900-01-01'::timestamp + random() * '250 years'::interval FROM generate_series(1, 1000);
INSERT INTO moments (v) SELECT '2008-03-07'::timestamp + random() * '5 days'::interval FROM generate_series(1, 400);
INSERT INTO moments (v) SELECT '2008-10-31'::timestamp + g * '10 minutes'::interval FROM generate_series(1, 600) g;
INSERT INTO moments (v) SELECT '2011-12-28'::timestamp + g * '1 hour'::interval FROM generate_series(1, 100) g;
CREATE TABLE days AS SELECT id, v::date AS v FROM moments;
INSERT INTO days VALUES (10000, '5874897-12-31'), (10001, '294277-01-01'), (10002, '294276-12-31'), (10003, '4713-11-24 BC'), (10004, '300000-01-01');
CREATE TABLE instants AS SELECT id, CASE WHEN isfinite(v) THEN v AT TIME ZONE 'UTC' ELSE v::timestamptz END AS v FROM moments WHERE v < '294276-12-30' OR NOT isfinite(v);
INSERT INTO instants VALUES (10000, '294276-12-31 23:59:59.999999+00'), (10001, '4713-11-24 00:00:00+00 BC'), (10002, '4713-11-24 03:00:00+00 BC');
CREATE TABLE zones (n serial, zone text);
INSERT INTO zones (zone) VALUES ('UTC'), ('America/New_York'), ('Pacific/Apia'), ('XXX-150YYY100,M3.2.0,M11.1.0');
-- all probes of the extremes and some of the others, in one zone after the other
CREATE FUNCTION check_in_zones(argtype text, source text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  z text;
BEGIN
  FOR z IN SELECT zone FROM zones ORDER BY n LOOP
    PERFORM set_config('timezone', z, false);
    RETURN QUERY SELECT z || ': ' || c FROM check_comparisons(argtype, format('SELECT v FROM %s WHERE id <= 34 OR id >= 10000 OR id %% 331 = 0 ORDER BY id', source)) c;
  END LOOP;
END $$;
SELECT check_type('date', 'SELECT v FROM days');
SELECT check_comparisons('timestamp', 'SELECT v FROM moments WHERE id <= 34 OR id % 331 = 0');
SELECT make_typed('date', 'SELECT v FROM days WHERE id <= 34 OR id >= 10000 OR id % 9 = 0');
SELECT check_in_zones('timestamptz', 'instants');
SET timezone = 'America/New_York';
SELECT check_type('timestamp', 'SELECT v FROM moments');
SELECT check_comparisons('date', 'SELECT v FROM days WHERE id <= 34 OR id >= 10000');
SELECT make_typed('timestamp', 'SELECT v FROM moments WHERE id <= 34 OR id >= 10000 OR id % 9 = 0');
SELECT check_in_zones('timestamptz', 'instants');
SET timezone = 'America/New_York';
-- the times of which one is earlier by the clock and later in truth
SELECT '2008-03-09 02:30'::timestamp::timestamptz > '2008-03-09 03:00'::timestamp::timestamptz AS out_of_order;
SELECT same_rows('SELECT v FROM typed WHERE v > ''2008-03-09 03:10-04''::timestamptz AND v < ''2008-03-09 03:20''', 'typed_v');
SELECT same_rows('SELECT v FROM typed WHERE v = ''2008-11-02 01:30-04''::timestamptz', 'typed_v');
SELECT same_rows('SELECT v FROM typed WHERE v = ''2008-11-02 01:30-05''::timestamptz', 'typed_v', 'bitmap');
SELECT check_type('timestamptz', 'SELECT v FROM instants');
SELECT make_typed('timestamptz', 'SELECT v FROM instants WHERE id <= 34 OR id >= 10000 OR id % 9 = 0');
SELECT check_in_zones('date', 'days');
SELECT check_in_zones('timestamp', 'moments');
-- a prepared plan follows the setting
CREATE TABLE appointments AS SELECT g AS id, '2020-06-01'::timestamptz + g * '1 hour'::interval AS at FROM generate_series(0, 400) g;
CREATE INDEX appointments_at ON appointments USING masstree (at);
ANALYZE appointments;
SET enable_seqscan = off;
SET plan_cache_mode = force_generic_plan;
PREPARE before_day(date) AS SELECT count(*) FROM appointments WHERE at < $1;
SET timezone = 'UTC';
EXECUTE before_day('2020-06-10');
SET timezone = 'Asia/Tokyo';
EXECUTE before_day('2020-06-10');
RESET enable_seqscan;
