-- bool, "char", oid (and what is kept as one), xid8, pg_lsn and tid follow btree's
-- order.
SELECT setseed(0.75);
SELECT check_type('oid', 'SELECT unnest(''{0,1,127,128,255,256,2147483647,2147483648,4294967294,4294967295}''::oid[])
  UNION ALL SELECT (2 ^ (random() * 32))::bigint::oid FROM generate_series(1, 2000)');
SELECT check_type('"char"', 'SELECT chr(g % 127 + 1)::"char" FROM generate_series(1, 2000) g
  UNION ALL SELECT (g % 256 - 128)::"char" FROM generate_series(1, 500) g');
SELECT check_type('xid8', 'SELECT unnest(''{0,1,4294967295,4294967296,9223372036854775807,9223372036854775808,18446744073709551615}''::xid8[])
  UNION ALL SELECT ((2::numeric ^ (random() * 63)::numeric)::bigint)::text::xid8 FROM generate_series(1, 2000)');
SELECT check_type('pg_lsn', 'SELECT unnest(''{0/0,0/1,0/FFFFFFFF,1/0,7FFFFFFF/FFFFFFFF,80000000/0,FFFFFFFF/FFFFFFFF}''::pg_lsn[])
  UNION ALL SELECT ''0/0''::pg_lsn + (2 ^ (random() * 63))::numeric FROM generate_series(1, 2000)');
SELECT check_type('tid', 'SELECT unnest(''{"(0,0)","(0,1)","(0,65535)","(1,0)","(65535,1)","(65536,0)","(2147483648,3)","(4294967295,0)","(4294967295,65535)"}''::tid[])
  UNION ALL SELECT format(''(%s,%s)'', floor(2 ^ (random() * 32)), floor(2 ^ (random() * 16)))::tid FROM generate_series(1, 2000)');
-- oid's class serves what is kept as an oid
CREATE TABLE classes AS SELECT oid::regclass AS c FROM pg_class;
CREATE INDEX classes_c ON classes USING masstree (c);
SELECT c FROM classes WHERE c = 'pg_type'::regclass;
SELECT plan_node('SELECT c FROM classes WHERE c = ''pg_type''::regclass', 'classes_c');
-- PostgreSQL 15 matches a boolean column by itself with indexes of its own kinds only; what is not
-- simplified to that uses masstree
CREATE TABLE flags AS SELECT g AS id, CASE g % 50 WHEN 0 THEN NULL ELSE g % 7 = 0 END AS flag FROM generate_series(1, 2000) g;
CREATE INDEX flags_flag ON flags USING masstree (flag);
ANALYZE flags;
SELECT same_rows('SELECT flag FROM flags ORDER BY flag', 'flags_flag');
SELECT same_rows('SELECT flag FROM flags ORDER BY flag DESC NULLS LAST', 'flags_flag');
SELECT same_rows('SELECT id FROM flags WHERE flag > false', 'flags_flag');
SELECT same_rows('SELECT id FROM flags WHERE flag >= false', 'flags_flag');
SELECT same_rows('SELECT id FROM flags WHERE flag < true', 'flags_flag');
SELECT same_rows('SELECT id FROM flags WHERE flag <= true', 'flags_flag', 'bitmap');
SELECT same_rows('SELECT id FROM flags WHERE flag IS NULL', 'flags_flag');
SELECT same_rows('SELECT f.id, (SELECT count(*) FROM flags g WHERE g.flag = f.flag) FROM flags f WHERE id < 20', 'flags_flag');
SELECT same_rows('SELECT min(flag::int) FROM (SELECT flag FROM flags WHERE flag < true) s', 'flags_flag');
SELECT same_rows('SELECT id FROM flags WHERE flag', 'flags_flag');
SELECT masstree_check('flags_flag', true);
