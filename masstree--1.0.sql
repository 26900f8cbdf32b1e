/* masstree--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION masstree" to load this file. \quit

-- ---- the access method ----------------------------------------------------

CREATE FUNCTION masstree_handler(internal)
RETURNS index_am_handler
AS 'MODULE_PATHNAME', 'mthandler'
LANGUAGE C STRICT VOLATILE PARALLEL SAFE;

COMMENT ON FUNCTION masstree_handler(internal) IS
'handler of the masstree index access method';

CREATE ACCESS METHOD masstree TYPE INDEX HANDLER masstree_handler;

COMMENT ON ACCESS METHOD masstree IS
'ordered, concurrent index in shared memory, rebuilt from the table after a restart';

-- ---- operator classes ------------------------------------------------------
--
-- Strategies 1 to 5 are those of btree, and the planner relies on that.

CREATE OPERATOR FAMILY integer_ops USING masstree;

COMMENT ON OPERATOR FAMILY integer_ops USING masstree IS
'comparisons of the integer types with each other';

CREATE OPERATOR CLASS int4_ops
DEFAULT FOR TYPE integer USING masstree FAMILY integer_ops AS
    OPERATOR 1 pg_catalog.< (integer, integer),
    OPERATOR 2 pg_catalog.<= (integer, integer),
    OPERATOR 3 pg_catalog.= (integer, integer),
    OPERATOR 4 pg_catalog.>= (integer, integer),
    OPERATOR 5 pg_catalog.> (integer, integer);

COMMENT ON OPERATOR CLASS int4_ops USING masstree IS
'comparisons of integer';

CREATE OPERATOR CLASS int8_ops
DEFAULT FOR TYPE bigint USING masstree FAMILY integer_ops AS
    OPERATOR 1 pg_catalog.< (bigint, bigint),
    OPERATOR 2 pg_catalog.<= (bigint, bigint),
    OPERATOR 3 pg_catalog.= (bigint, bigint),
    OPERATOR 4 pg_catalog.>= (bigint, bigint),
    OPERATOR 5 pg_catalog.> (bigint, bigint);

COMMENT ON OPERATOR CLASS int8_ops USING masstree IS
'comparisons of bigint';

-- Comparisons with the other integer types, as in btree's family.
ALTER OPERATOR FAMILY integer_ops USING masstree ADD
    OPERATOR 1 pg_catalog.< (integer, smallint),
    OPERATOR 2 pg_catalog.<= (integer, smallint),
    OPERATOR 3 pg_catalog.= (integer, smallint),
    OPERATOR 4 pg_catalog.>= (integer, smallint),
    OPERATOR 5 pg_catalog.> (integer, smallint),
    OPERATOR 1 pg_catalog.< (integer, bigint),
    OPERATOR 2 pg_catalog.<= (integer, bigint),
    OPERATOR 3 pg_catalog.= (integer, bigint),
    OPERATOR 4 pg_catalog.>= (integer, bigint),
    OPERATOR 5 pg_catalog.> (integer, bigint),
    OPERATOR 1 pg_catalog.< (bigint, smallint),
    OPERATOR 2 pg_catalog.<= (bigint, smallint),
    OPERATOR 3 pg_catalog.= (bigint, smallint),
    OPERATOR 4 pg_catalog.>= (bigint, smallint),
    OPERATOR 5 pg_catalog.> (bigint, smallint),
    OPERATOR 1 pg_catalog.< (bigint, integer),
    OPERATOR 2 pg_catalog.<= (bigint, integer),
    OPERATOR 3 pg_catalog.= (bigint, integer),
    OPERATOR 4 pg_catalog.>= (bigint, integer),
    OPERATOR 5 pg_catalog.> (bigint, integer);

CREATE OPERATOR FAMILY text_ops USING masstree;

COMMENT ON OPERATOR FAMILY text_ops USING masstree IS
'comparisons, LIKE and prefixes of text, varchar and name';

-- LIKE and ^@ are operators of the family, so that patterns may be parameters.
CREATE OPERATOR CLASS text_ops
DEFAULT FOR TYPE text USING masstree FAMILY text_ops AS
    OPERATOR 1 pg_catalog.< (text, text),
    OPERATOR 2 pg_catalog.<= (text, text),
    OPERATOR 3 pg_catalog.= (text, text),
    OPERATOR 4 pg_catalog.>= (text, text),
    OPERATOR 5 pg_catalog.> (text, text),
    OPERATOR 6 pg_catalog.~~ (text, text),
    OPERATOR 7 pg_catalog.^@ (text, text);

COMMENT ON OPERATOR CLASS text_ops USING masstree IS
'comparisons, LIKE and prefixes of text';

-- The bytes of the string under every deterministic collation, so that prefixes
-- are ranges.  In order for ORDER BY ... USING ~<~ only.
CREATE OPERATOR FAMILY text_pattern_ops USING masstree;

COMMENT ON OPERATOR FAMILY text_pattern_ops USING masstree IS
'equality, LIKE, prefixes and bytewise comparisons of text and varchar';

CREATE OPERATOR CLASS text_pattern_ops
FOR TYPE text USING masstree FAMILY text_pattern_ops AS
    OPERATOR 1 pg_catalog.~<~ (text, text),
    OPERATOR 2 pg_catalog.~<=~ (text, text),
    OPERATOR 3 pg_catalog.= (text, text),
    OPERATOR 4 pg_catalog.~>=~ (text, text),
    OPERATOR 5 pg_catalog.~>~ (text, text),
    OPERATOR 6 pg_catalog.~~ (text, text),
    OPERATOR 7 pg_catalog.^@ (text, text);

COMMENT ON OPERATOR CLASS text_pattern_ops USING masstree IS
'equality, LIKE, prefixes and bytewise comparisons of text';

-- The name that btree has for it on columns of type varchar.
CREATE OPERATOR CLASS varchar_pattern_ops
FOR TYPE text USING masstree FAMILY text_pattern_ops AS
    STORAGE text;

COMMENT ON OPERATOR CLASS varchar_pattern_ops USING masstree IS
'another name of text_pattern_ops';

CREATE OPERATOR FAMILY bytea_ops USING masstree;

COMMENT ON OPERATOR FAMILY bytea_ops USING masstree IS
'comparisons of bytea';

CREATE OPERATOR CLASS bytea_ops
DEFAULT FOR TYPE bytea USING masstree FAMILY bytea_ops AS
    OPERATOR 1 pg_catalog.< (bytea, bytea),
    OPERATOR 2 pg_catalog.<= (bytea, bytea),
    OPERATOR 3 pg_catalog.= (bytea, bytea),
    OPERATOR 4 pg_catalog.>= (bytea, bytea),
    OPERATOR 5 pg_catalog.> (bytea, bytea);

COMMENT ON OPERATOR CLASS bytea_ops USING masstree IS
'comparisons of bytea';

-- ---- functions ---------------------------------------------------------------

CREATE FUNCTION masstree_check(index regclass, heapallindexed boolean DEFAULT false)
RETURNS void
AS 'MODULE_PATHNAME', 'masstree_check'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;

COMMENT ON FUNCTION masstree_check(regclass, boolean) IS
'checks the tree of a masstree index, and with heapallindexed also that it agrees with the table';

CREATE FUNCTION masstree_stats(index regclass,
    OUT state text,
    OUT keys bigint,
    OUT tids bigint,
    OUT layers bigint,
    OUT border_nodes bigint,
    OUT interior_nodes bigint,
    OUT height integer,
    OUT bytes bigint,
    OUT used_bytes bigint,
    OUT limbo_bytes bigint,
    OUT generation bigint,
    OUT loader_pid integer,
    OUT load_time interval,
    OUT loaded_at timestamptz,
    OUT failures integer,
    OUT last_error text,
    OUT failed_at timestamptz,
    OUT retry_at timestamptz)
RETURNS record
AS 'MODULE_PATHNAME', 'masstree_stats'
LANGUAGE C STRICT VOLATILE PARALLEL SAFE;

COMMENT ON FUNCTION masstree_stats(regclass) IS
'state, size and shape of the tree of a masstree index';

CREATE FUNCTION masstree_load(index regclass)
RETURNS void
AS 'MODULE_PATHNAME', 'masstree_load'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION masstree_load(regclass) IS
'loads the tree of a masstree index from its table now';

CREATE FUNCTION masstree_memory(
    OUT size bigint,
    OUT used bigint,
    OUT free bigint,
    OUT largest_free bigint,
    OUT retired bigint,
    OUT holder_pid integer)
RETURNS record
AS 'MODULE_PATHNAME', 'masstree_memory'
LANGUAGE C STRICT VOLATILE PARALLEL SAFE;

COMMENT ON FUNCTION masstree_memory() IS
'the shared memory of all masstree indexes';

CREATE FUNCTION masstree_trees(
    OUT tablespace oid,
    OUT filenode oid,
    OUT temporary boolean,
    OUT state text,
    OUT keys bigint,
    OUT tids bigint,
    OUT layers bigint,
    OUT border_nodes bigint,
    OUT interior_nodes bigint,
    OUT height integer,
    OUT bytes bigint,
    OUT used_bytes bigint,
    OUT limbo_bytes bigint,
    OUT generation bigint,
    OUT loader_pid integer,
    OUT load_time interval,
    OUT loaded_at timestamptz,
    OUT failures integer,
    OUT last_error text,
    OUT failed_at timestamptz,
    OUT retry_at timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'masstree_trees'
LANGUAGE C STRICT VOLATILE PARALLEL SAFE ROWS 100;

COMMENT ON FUNCTION masstree_trees() IS
'the trees of this database by the storage of their indexes';

-- ---- views --------------------------------------------------------------------

CREATE VIEW pg_stat_masstree AS
SELECT
    i.indrelid AS relid,
    c.oid AS indexrelid,
    n.nspname AS schemaname,
    t.relname AS relname,
    c.relname AS indexrelname,
    coalesce(s.state, 'absent') AS state,
    coalesce(s.keys, 0) AS keys,
    coalesce(s.tids, 0) AS tids,
    coalesce(s.layers, 0) AS layers,
    coalesce(s.border_nodes, 0) AS border_nodes,
    coalesce(s.interior_nodes, 0) AS interior_nodes,
    coalesce(s.height, 0) AS height,
    coalesce(s.bytes, 0) AS bytes,
    coalesce(s.used_bytes, 0) AS used_bytes,
    coalesce(s.limbo_bytes, 0) AS limbo_bytes,
    coalesce(s.generation, 0) AS generation,
    s.loader_pid,
    s.load_time,
    s.loaded_at,
    coalesce(s.failures, 0) AS failures,
    s.last_error,
    s.failed_at,
    s.retry_at
FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_am a ON a.oid = c.relam AND a.amname = 'masstree'
    JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
    JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
    JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database()
    LEFT JOIN masstree_trees() s
        ON s.filenode = pg_catalog.pg_relation_filenode(c.oid)
        AND s.tablespace = CASE WHEN c.reltablespace = 0
            THEN d.dattablespace ELSE c.reltablespace END
        AND s.temporary = (c.relpersistence = 't')
WHERE c.relkind = 'i';

COMMENT ON VIEW pg_stat_masstree IS
'one row for each masstree index of this database';

-- ---- privileges -----------------------------------------------------------------
--
-- Checking reads tables whole and its messages may show keys.  Loading is left
-- to the owner of the index, which the function itself sees to.

REVOKE ALL ON FUNCTION masstree_check(regclass, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION masstree_stats(regclass) FROM PUBLIC;
REVOKE ALL ON FUNCTION masstree_memory() FROM PUBLIC;
REVOKE ALL ON FUNCTION masstree_trees() FROM PUBLIC;
REVOKE ALL ON pg_stat_masstree FROM PUBLIC;

GRANT EXECUTE ON FUNCTION masstree_stats(regclass) TO pg_monitor;
GRANT EXECUTE ON FUNCTION masstree_memory() TO pg_monitor;
GRANT EXECUTE ON FUNCTION masstree_trees() TO pg_monitor;
GRANT SELECT ON pg_stat_masstree TO pg_monitor;

-- ---- operator classes of further types -----------------------------------------
--
-- As in btree, types that are compared with each other share a family.

CREATE OPERATOR CLASS int2_ops
DEFAULT FOR TYPE smallint USING masstree FAMILY integer_ops AS
    OPERATOR 1 pg_catalog.< (smallint, smallint),
    OPERATOR 2 pg_catalog.<= (smallint, smallint),
    OPERATOR 3 pg_catalog.= (smallint, smallint),
    OPERATOR 4 pg_catalog.>= (smallint, smallint),
    OPERATOR 5 pg_catalog.> (smallint, smallint);

COMMENT ON OPERATOR CLASS int2_ops USING masstree IS
'comparisons of smallint';

ALTER OPERATOR FAMILY integer_ops USING masstree ADD
    OPERATOR 1 pg_catalog.< (smallint, integer),
    OPERATOR 2 pg_catalog.<= (smallint, integer),
    OPERATOR 3 pg_catalog.= (smallint, integer),
    OPERATOR 4 pg_catalog.>= (smallint, integer),
    OPERATOR 5 pg_catalog.> (smallint, integer),
    OPERATOR 1 pg_catalog.< (smallint, bigint),
    OPERATOR 2 pg_catalog.<= (smallint, bigint),
    OPERATOR 3 pg_catalog.= (smallint, bigint),
    OPERATOR 4 pg_catalog.>= (smallint, bigint),
    OPERATOR 5 pg_catalog.> (smallint, bigint);

CREATE OPERATOR CLASS name_ops
DEFAULT FOR TYPE name USING masstree FAMILY text_ops AS
    OPERATOR 1 pg_catalog.< (name, name),
    OPERATOR 2 pg_catalog.<= (name, name),
    OPERATOR 3 pg_catalog.= (name, name),
    OPERATOR 4 pg_catalog.>= (name, name),
    OPERATOR 5 pg_catalog.> (name, name),
    OPERATOR 6 pg_catalog.~~ (name, text);

COMMENT ON OPERATOR CLASS name_ops USING masstree IS
'comparisons and LIKE of name';

ALTER OPERATOR FAMILY text_ops USING masstree ADD
    OPERATOR 1 pg_catalog.< (name, text),
    OPERATOR 2 pg_catalog.<= (name, text),
    OPERATOR 3 pg_catalog.= (name, text),
    OPERATOR 4 pg_catalog.>= (name, text),
    OPERATOR 5 pg_catalog.> (name, text),
    OPERATOR 1 pg_catalog.< (text, name),
    OPERATOR 2 pg_catalog.<= (text, name),
    OPERATOR 3 pg_catalog.= (text, name),
    OPERATOR 4 pg_catalog.>= (text, name),
    OPERATOR 5 pg_catalog.> (text, name);

CREATE OPERATOR FAMILY bpchar_ops USING masstree;

COMMENT ON OPERATOR FAMILY bpchar_ops USING masstree IS
'comparisons and LIKE of character';

CREATE OPERATOR CLASS bpchar_ops
DEFAULT FOR TYPE bpchar USING masstree FAMILY bpchar_ops AS
    OPERATOR 1 pg_catalog.< (bpchar, bpchar),
    OPERATOR 2 pg_catalog.<= (bpchar, bpchar),
    OPERATOR 3 pg_catalog.= (bpchar, bpchar),
    OPERATOR 4 pg_catalog.>= (bpchar, bpchar),
    OPERATOR 5 pg_catalog.> (bpchar, bpchar),
    OPERATOR 6 pg_catalog.~~ (bpchar, text);

COMMENT ON OPERATOR CLASS bpchar_ops USING masstree IS
'comparisons and LIKE of character';

CREATE OPERATOR FAMILY float_ops USING masstree;

COMMENT ON OPERATOR FAMILY float_ops USING masstree IS
'comparisons of real and double precision with each other';

CREATE OPERATOR CLASS float4_ops
DEFAULT FOR TYPE real USING masstree FAMILY float_ops AS
    OPERATOR 1 pg_catalog.< (real, real),
    OPERATOR 2 pg_catalog.<= (real, real),
    OPERATOR 3 pg_catalog.= (real, real),
    OPERATOR 4 pg_catalog.>= (real, real),
    OPERATOR 5 pg_catalog.> (real, real);

COMMENT ON OPERATOR CLASS float4_ops USING masstree IS
'comparisons of real';

CREATE OPERATOR CLASS float8_ops
DEFAULT FOR TYPE double precision USING masstree FAMILY float_ops AS
    OPERATOR 1 pg_catalog.< (double precision, double precision),
    OPERATOR 2 pg_catalog.<= (double precision, double precision),
    OPERATOR 3 pg_catalog.= (double precision, double precision),
    OPERATOR 4 pg_catalog.>= (double precision, double precision),
    OPERATOR 5 pg_catalog.> (double precision, double precision);

COMMENT ON OPERATOR CLASS float8_ops USING masstree IS
'comparisons of double precision';

ALTER OPERATOR FAMILY float_ops USING masstree ADD
    OPERATOR 1 pg_catalog.< (real, double precision),
    OPERATOR 2 pg_catalog.<= (real, double precision),
    OPERATOR 3 pg_catalog.= (real, double precision),
    OPERATOR 4 pg_catalog.>= (real, double precision),
    OPERATOR 5 pg_catalog.> (real, double precision),
    OPERATOR 1 pg_catalog.< (double precision, real),
    OPERATOR 2 pg_catalog.<= (double precision, real),
    OPERATOR 3 pg_catalog.= (double precision, real),
    OPERATOR 4 pg_catalog.>= (double precision, real),
    OPERATOR 5 pg_catalog.> (double precision, real);

CREATE OPERATOR FAMILY datetime_ops USING masstree;

COMMENT ON OPERATOR FAMILY datetime_ops USING masstree IS
'comparisons of date, timestamp and timestamptz with each other';

CREATE OPERATOR CLASS date_ops
DEFAULT FOR TYPE date USING masstree FAMILY datetime_ops AS
    OPERATOR 1 pg_catalog.< (date, date),
    OPERATOR 2 pg_catalog.<= (date, date),
    OPERATOR 3 pg_catalog.= (date, date),
    OPERATOR 4 pg_catalog.>= (date, date),
    OPERATOR 5 pg_catalog.> (date, date);

COMMENT ON OPERATOR CLASS date_ops USING masstree IS
'comparisons of date';

CREATE OPERATOR CLASS timestamp_ops
DEFAULT FOR TYPE timestamp USING masstree FAMILY datetime_ops AS
    OPERATOR 1 pg_catalog.< (timestamp, timestamp),
    OPERATOR 2 pg_catalog.<= (timestamp, timestamp),
    OPERATOR 3 pg_catalog.= (timestamp, timestamp),
    OPERATOR 4 pg_catalog.>= (timestamp, timestamp),
    OPERATOR 5 pg_catalog.> (timestamp, timestamp);

COMMENT ON OPERATOR CLASS timestamp_ops USING masstree IS
'comparisons of timestamp';

CREATE OPERATOR CLASS timestamptz_ops
DEFAULT FOR TYPE timestamptz USING masstree FAMILY datetime_ops AS
    OPERATOR 1 pg_catalog.< (timestamptz, timestamptz),
    OPERATOR 2 pg_catalog.<= (timestamptz, timestamptz),
    OPERATOR 3 pg_catalog.= (timestamptz, timestamptz),
    OPERATOR 4 pg_catalog.>= (timestamptz, timestamptz),
    OPERATOR 5 pg_catalog.> (timestamptz, timestamptz);

COMMENT ON OPERATOR CLASS timestamptz_ops USING masstree IS
'comparisons of timestamptz';

ALTER OPERATOR FAMILY datetime_ops USING masstree ADD
    OPERATOR 1 pg_catalog.< (date, timestamp),
    OPERATOR 2 pg_catalog.<= (date, timestamp),
    OPERATOR 3 pg_catalog.= (date, timestamp),
    OPERATOR 4 pg_catalog.>= (date, timestamp),
    OPERATOR 5 pg_catalog.> (date, timestamp),
    OPERATOR 1 pg_catalog.< (date, timestamptz),
    OPERATOR 2 pg_catalog.<= (date, timestamptz),
    OPERATOR 3 pg_catalog.= (date, timestamptz),
    OPERATOR 4 pg_catalog.>= (date, timestamptz),
    OPERATOR 5 pg_catalog.> (date, timestamptz),
    OPERATOR 1 pg_catalog.< (timestamp, date),
    OPERATOR 2 pg_catalog.<= (timestamp, date),
    OPERATOR 3 pg_catalog.= (timestamp, date),
    OPERATOR 4 pg_catalog.>= (timestamp, date),
    OPERATOR 5 pg_catalog.> (timestamp, date),
    OPERATOR 1 pg_catalog.< (timestamp, timestamptz),
    OPERATOR 2 pg_catalog.<= (timestamp, timestamptz),
    OPERATOR 3 pg_catalog.= (timestamp, timestamptz),
    OPERATOR 4 pg_catalog.>= (timestamp, timestamptz),
    OPERATOR 5 pg_catalog.> (timestamp, timestamptz),
    OPERATOR 1 pg_catalog.< (timestamptz, date),
    OPERATOR 2 pg_catalog.<= (timestamptz, date),
    OPERATOR 3 pg_catalog.= (timestamptz, date),
    OPERATOR 4 pg_catalog.>= (timestamptz, date),
    OPERATOR 5 pg_catalog.> (timestamptz, date),
    OPERATOR 1 pg_catalog.< (timestamptz, timestamp),
    OPERATOR 2 pg_catalog.<= (timestamptz, timestamp),
    OPERATOR 3 pg_catalog.= (timestamptz, timestamp),
    OPERATOR 4 pg_catalog.>= (timestamptz, timestamp),
    OPERATOR 5 pg_catalog.> (timestamptz, timestamp);

CREATE OPERATOR FAMILY numeric_ops USING masstree;

COMMENT ON OPERATOR FAMILY numeric_ops USING masstree IS
'comparisons of numeric';

CREATE OPERATOR CLASS numeric_ops
DEFAULT FOR TYPE numeric USING masstree FAMILY numeric_ops AS
    OPERATOR 1 pg_catalog.< (numeric, numeric),
    OPERATOR 2 pg_catalog.<= (numeric, numeric),
    OPERATOR 3 pg_catalog.= (numeric, numeric),
    OPERATOR 4 pg_catalog.>= (numeric, numeric),
    OPERATOR 5 pg_catalog.> (numeric, numeric);

COMMENT ON OPERATOR CLASS numeric_ops USING masstree IS
'comparisons of numeric';

CREATE OPERATOR FAMILY bool_ops USING masstree;

COMMENT ON OPERATOR FAMILY bool_ops USING masstree IS
'comparisons of boolean';

CREATE OPERATOR CLASS bool_ops
DEFAULT FOR TYPE boolean USING masstree FAMILY bool_ops AS
    OPERATOR 1 pg_catalog.< (boolean, boolean),
    OPERATOR 2 pg_catalog.<= (boolean, boolean),
    OPERATOR 3 pg_catalog.= (boolean, boolean),
    OPERATOR 4 pg_catalog.>= (boolean, boolean),
    OPERATOR 5 pg_catalog.> (boolean, boolean);

COMMENT ON OPERATOR CLASS bool_ops USING masstree IS
'comparisons of boolean';

CREATE OPERATOR FAMILY char_ops USING masstree;

COMMENT ON OPERATOR FAMILY char_ops USING masstree IS
'comparisons of "char"';

CREATE OPERATOR CLASS char_ops
DEFAULT FOR TYPE "char" USING masstree FAMILY char_ops AS
    OPERATOR 1 pg_catalog.< ("char", "char"),
    OPERATOR 2 pg_catalog.<= ("char", "char"),
    OPERATOR 3 pg_catalog.= ("char", "char"),
    OPERATOR 4 pg_catalog.>= ("char", "char"),
    OPERATOR 5 pg_catalog.> ("char", "char");

COMMENT ON OPERATOR CLASS char_ops USING masstree IS
'comparisons of "char"';

CREATE OPERATOR FAMILY oid_ops USING masstree;

COMMENT ON OPERATOR FAMILY oid_ops USING masstree IS
'comparisons of oid';

CREATE OPERATOR CLASS oid_ops
DEFAULT FOR TYPE oid USING masstree FAMILY oid_ops AS
    OPERATOR 1 pg_catalog.< (oid, oid),
    OPERATOR 2 pg_catalog.<= (oid, oid),
    OPERATOR 3 pg_catalog.= (oid, oid),
    OPERATOR 4 pg_catalog.>= (oid, oid),
    OPERATOR 5 pg_catalog.> (oid, oid);

COMMENT ON OPERATOR CLASS oid_ops USING masstree IS
'comparisons of oid';

CREATE OPERATOR FAMILY xid8_ops USING masstree;

COMMENT ON OPERATOR FAMILY xid8_ops USING masstree IS
'comparisons of xid8';

CREATE OPERATOR CLASS xid8_ops
DEFAULT FOR TYPE xid8 USING masstree FAMILY xid8_ops AS
    OPERATOR 1 pg_catalog.< (xid8, xid8),
    OPERATOR 2 pg_catalog.<= (xid8, xid8),
    OPERATOR 3 pg_catalog.= (xid8, xid8),
    OPERATOR 4 pg_catalog.>= (xid8, xid8),
    OPERATOR 5 pg_catalog.> (xid8, xid8);

COMMENT ON OPERATOR CLASS xid8_ops USING masstree IS
'comparisons of xid8';

CREATE OPERATOR FAMILY pg_lsn_ops USING masstree;

COMMENT ON OPERATOR FAMILY pg_lsn_ops USING masstree IS
'comparisons of pg_lsn';

CREATE OPERATOR CLASS pg_lsn_ops
DEFAULT FOR TYPE pg_lsn USING masstree FAMILY pg_lsn_ops AS
    OPERATOR 1 pg_catalog.< (pg_lsn, pg_lsn),
    OPERATOR 2 pg_catalog.<= (pg_lsn, pg_lsn),
    OPERATOR 3 pg_catalog.= (pg_lsn, pg_lsn),
    OPERATOR 4 pg_catalog.>= (pg_lsn, pg_lsn),
    OPERATOR 5 pg_catalog.> (pg_lsn, pg_lsn);

COMMENT ON OPERATOR CLASS pg_lsn_ops USING masstree IS
'comparisons of pg_lsn';

CREATE OPERATOR FAMILY tid_ops USING masstree;

COMMENT ON OPERATOR FAMILY tid_ops USING masstree IS
'comparisons of tid';

CREATE OPERATOR CLASS tid_ops
DEFAULT FOR TYPE tid USING masstree FAMILY tid_ops AS
    OPERATOR 1 pg_catalog.< (tid, tid),
    OPERATOR 2 pg_catalog.<= (tid, tid),
    OPERATOR 3 pg_catalog.= (tid, tid),
    OPERATOR 4 pg_catalog.>= (tid, tid),
    OPERATOR 5 pg_catalog.> (tid, tid);

COMMENT ON OPERATOR CLASS tid_ops USING masstree IS
'comparisons of tid';

CREATE OPERATOR FAMILY money_ops USING masstree;

COMMENT ON OPERATOR FAMILY money_ops USING masstree IS
'comparisons of money';

CREATE OPERATOR CLASS money_ops
DEFAULT FOR TYPE money USING masstree FAMILY money_ops AS
    OPERATOR 1 pg_catalog.< (money, money),
    OPERATOR 2 pg_catalog.<= (money, money),
    OPERATOR 3 pg_catalog.= (money, money),
    OPERATOR 4 pg_catalog.>= (money, money),
    OPERATOR 5 pg_catalog.> (money, money);

COMMENT ON OPERATOR CLASS money_ops USING masstree IS
'comparisons of money';

CREATE OPERATOR FAMILY time_ops USING masstree;

COMMENT ON OPERATOR FAMILY time_ops USING masstree IS
'comparisons of time';

CREATE OPERATOR CLASS time_ops
DEFAULT FOR TYPE time USING masstree FAMILY time_ops AS
    OPERATOR 1 pg_catalog.< (time, time),
    OPERATOR 2 pg_catalog.<= (time, time),
    OPERATOR 3 pg_catalog.= (time, time),
    OPERATOR 4 pg_catalog.>= (time, time),
    OPERATOR 5 pg_catalog.> (time, time);

COMMENT ON OPERATOR CLASS time_ops USING masstree IS
'comparisons of time';

CREATE OPERATOR FAMILY timetz_ops USING masstree;

COMMENT ON OPERATOR FAMILY timetz_ops USING masstree IS
'comparisons of timetz';

CREATE OPERATOR CLASS timetz_ops
DEFAULT FOR TYPE timetz USING masstree FAMILY timetz_ops AS
    OPERATOR 1 pg_catalog.< (timetz, timetz),
    OPERATOR 2 pg_catalog.<= (timetz, timetz),
    OPERATOR 3 pg_catalog.= (timetz, timetz),
    OPERATOR 4 pg_catalog.>= (timetz, timetz),
    OPERATOR 5 pg_catalog.> (timetz, timetz);

COMMENT ON OPERATOR CLASS timetz_ops USING masstree IS
'comparisons of timetz';

CREATE OPERATOR FAMILY interval_ops USING masstree;

COMMENT ON OPERATOR FAMILY interval_ops USING masstree IS
'comparisons of interval';

CREATE OPERATOR CLASS interval_ops
DEFAULT FOR TYPE interval USING masstree FAMILY interval_ops AS
    OPERATOR 1 pg_catalog.< (interval, interval),
    OPERATOR 2 pg_catalog.<= (interval, interval),
    OPERATOR 3 pg_catalog.= (interval, interval),
    OPERATOR 4 pg_catalog.>= (interval, interval),
    OPERATOR 5 pg_catalog.> (interval, interval);

COMMENT ON OPERATOR CLASS interval_ops USING masstree IS
'comparisons of interval';

CREATE OPERATOR FAMILY uuid_ops USING masstree;

COMMENT ON OPERATOR FAMILY uuid_ops USING masstree IS
'comparisons of uuid';

CREATE OPERATOR CLASS uuid_ops
DEFAULT FOR TYPE uuid USING masstree FAMILY uuid_ops AS
    OPERATOR 1 pg_catalog.< (uuid, uuid),
    OPERATOR 2 pg_catalog.<= (uuid, uuid),
    OPERATOR 3 pg_catalog.= (uuid, uuid),
    OPERATOR 4 pg_catalog.>= (uuid, uuid),
    OPERATOR 5 pg_catalog.> (uuid, uuid);

COMMENT ON OPERATOR CLASS uuid_ops USING masstree IS
'comparisons of uuid';

CREATE OPERATOR FAMILY macaddr_ops USING masstree;

COMMENT ON OPERATOR FAMILY macaddr_ops USING masstree IS
'comparisons of macaddr';

CREATE OPERATOR CLASS macaddr_ops
DEFAULT FOR TYPE macaddr USING masstree FAMILY macaddr_ops AS
    OPERATOR 1 pg_catalog.< (macaddr, macaddr),
    OPERATOR 2 pg_catalog.<= (macaddr, macaddr),
    OPERATOR 3 pg_catalog.= (macaddr, macaddr),
    OPERATOR 4 pg_catalog.>= (macaddr, macaddr),
    OPERATOR 5 pg_catalog.> (macaddr, macaddr);

COMMENT ON OPERATOR CLASS macaddr_ops USING masstree IS
'comparisons of macaddr';

CREATE OPERATOR FAMILY macaddr8_ops USING masstree;

COMMENT ON OPERATOR FAMILY macaddr8_ops USING masstree IS
'comparisons of macaddr8';

CREATE OPERATOR CLASS macaddr8_ops
DEFAULT FOR TYPE macaddr8 USING masstree FAMILY macaddr8_ops AS
    OPERATOR 1 pg_catalog.< (macaddr8, macaddr8),
    OPERATOR 2 pg_catalog.<= (macaddr8, macaddr8),
    OPERATOR 3 pg_catalog.= (macaddr8, macaddr8),
    OPERATOR 4 pg_catalog.>= (macaddr8, macaddr8),
    OPERATOR 5 pg_catalog.> (macaddr8, macaddr8);

COMMENT ON OPERATOR CLASS macaddr8_ops USING masstree IS
'comparisons of macaddr8';

CREATE OPERATOR FAMILY bit_ops USING masstree;

COMMENT ON OPERATOR FAMILY bit_ops USING masstree IS
'comparisons of bit';

CREATE OPERATOR CLASS bit_ops
DEFAULT FOR TYPE pg_catalog.bit USING masstree FAMILY bit_ops AS
    OPERATOR 1 pg_catalog.< (pg_catalog.bit, pg_catalog.bit),
    OPERATOR 2 pg_catalog.<= (pg_catalog.bit, pg_catalog.bit),
    OPERATOR 3 pg_catalog.= (pg_catalog.bit, pg_catalog.bit),
    OPERATOR 4 pg_catalog.>= (pg_catalog.bit, pg_catalog.bit),
    OPERATOR 5 pg_catalog.> (pg_catalog.bit, pg_catalog.bit);

COMMENT ON OPERATOR CLASS bit_ops USING masstree IS
'comparisons of bit';

CREATE OPERATOR FAMILY varbit_ops USING masstree;

COMMENT ON OPERATOR FAMILY varbit_ops USING masstree IS
'comparisons of varbit';

CREATE OPERATOR CLASS varbit_ops
DEFAULT FOR TYPE varbit USING masstree FAMILY varbit_ops AS
    OPERATOR 1 pg_catalog.< (varbit, varbit),
    OPERATOR 2 pg_catalog.<= (varbit, varbit),
    OPERATOR 3 pg_catalog.= (varbit, varbit),
    OPERATOR 4 pg_catalog.>= (varbit, varbit),
    OPERATOR 5 pg_catalog.> (varbit, varbit);

COMMENT ON OPERATOR CLASS varbit_ops USING masstree IS
'comparisons of varbit';

CREATE OPERATOR FAMILY network_ops USING masstree;

COMMENT ON OPERATOR FAMILY network_ops USING masstree IS
'comparisons of inet and cidr';

CREATE OPERATOR CLASS inet_ops
DEFAULT FOR TYPE inet USING masstree FAMILY network_ops AS
    OPERATOR 1 pg_catalog.< (inet, inet),
    OPERATOR 2 pg_catalog.<= (inet, inet),
    OPERATOR 3 pg_catalog.= (inet, inet),
    OPERATOR 4 pg_catalog.>= (inet, inet),
    OPERATOR 5 pg_catalog.> (inet, inet);

COMMENT ON OPERATOR CLASS inet_ops USING masstree IS
'comparisons of inet and cidr';

-- The order of an enum may change under a tree (ALTER TYPE ADD VALUE), so there is
-- equality alone.

CREATE OPERATOR FAMILY enum_ops USING masstree;

COMMENT ON OPERATOR FAMILY enum_ops USING masstree IS
'equality of enum types';

CREATE OPERATOR CLASS enum_ops
DEFAULT FOR TYPE anyenum USING masstree FAMILY enum_ops AS
    OPERATOR 3 pg_catalog.= (anyenum, anyenum);

COMMENT ON OPERATOR CLASS enum_ops USING masstree IS
'equality of enum types';

-- The elements must be of a type that has a class here, and be kept in their order,
-- as those of enums and of collations of libc are not.

CREATE OPERATOR FAMILY array_ops USING masstree;

COMMENT ON OPERATOR FAMILY array_ops USING masstree IS
'comparisons of arrays';

CREATE OPERATOR CLASS array_ops
DEFAULT FOR TYPE anyarray USING masstree FAMILY array_ops AS
    OPERATOR 1 pg_catalog.< (anyarray, anyarray),
    OPERATOR 2 pg_catalog.<= (anyarray, anyarray),
    OPERATOR 3 pg_catalog.= (anyarray, anyarray),
    OPERATOR 4 pg_catalog.>= (anyarray, anyarray),
    OPERATOR 5 pg_catalog.> (anyarray, anyarray);

COMMENT ON OPERATOR CLASS array_ops USING masstree IS
'comparisons of arrays';

CREATE OPERATOR FAMILY bpchar_pattern_ops USING masstree;

COMMENT ON OPERATOR FAMILY bpchar_pattern_ops USING masstree IS
'bytewise comparisons of character without its trailing blanks, equality, LIKE, in any deterministic collation';

CREATE OPERATOR CLASS bpchar_pattern_ops
FOR TYPE bpchar USING masstree FAMILY bpchar_pattern_ops AS
    OPERATOR 1 pg_catalog.~<~ (bpchar, bpchar),
    OPERATOR 2 pg_catalog.~<=~ (bpchar, bpchar),
    OPERATOR 3 pg_catalog.= (bpchar, bpchar),
    OPERATOR 4 pg_catalog.~>=~ (bpchar, bpchar),
    OPERATOR 5 pg_catalog.~>~ (bpchar, bpchar),
    OPERATOR 6 pg_catalog.~~ (bpchar, text);

COMMENT ON OPERATOR CLASS bpchar_pattern_ops USING masstree IS
'bytewise comparisons of character without its trailing blanks, equality, LIKE, in any deterministic collation';
