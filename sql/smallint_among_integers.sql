-- smallint, integer and bigint columns follow btree's order and are compared with
-- values of all three, those included that the column cannot hold; so does money.
SELECT setseed(0.25);
CREATE VIEW integer_values AS
  SELECT unnest('{0,1,-1,127,128,255,256,-128,-129,-256,32767,32768,-32768,-32769,65535,65536,-65536,2147483647,2147483648,-2147483648,-2147483649,
    4294967295,4294967296,-4294967296,9223372036854775807,9223372036854775806,-9223372036854775808,-9223372036854775807}'::bigint[])
  UNION ALL SELECT ((random() - 0.5) * 2 ^ (random() * 64))::bigint FROM generate_series(1, 2500);
CREATE TABLE integer_source AS SELECT unnest AS v FROM integer_values;
SELECT check_type('int2', 'SELECT v FROM integer_source WHERE v BETWEEN -32768 AND 32767 UNION ALL SELECT (random() * 65535 - 32768)::int2 FROM generate_series(1, 1500)');
SELECT check_comparisons('int4', 'SELECT v FROM integer_source WHERE v BETWEEN -2147483648 AND 2147483647 LIMIT 40');
SELECT check_comparisons('int8', 'SELECT v FROM integer_source LIMIT 40');
SELECT check_type('int4', 'SELECT v FROM integer_source WHERE v BETWEEN -2147483648 AND 2147483647 UNION ALL SELECT (random() * 1000)::int FROM generate_series(1, 500)');
SELECT check_comparisons('int2', 'SELECT v FROM integer_source WHERE v BETWEEN -32768 AND 32767 LIMIT 20');
SELECT check_comparisons('int8', 'SELECT v FROM integer_source LIMIT 40');
SELECT check_type('int8', 'SELECT v FROM integer_source');
SELECT check_comparisons('int2', 'SELECT v FROM integer_source WHERE v BETWEEN -32768 AND 32767 LIMIT 20');
SELECT check_comparisons('int4', 'SELECT v FROM integer_source WHERE v BETWEEN -2147483648 AND 2147483647 LIMIT 40');
SELECT check_type('money', 'SELECT v * ''0.01''::money FROM integer_source WHERE v BETWEEN -1e17 AND 1e17');
