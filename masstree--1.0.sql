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
'comparisons of integer and bigint with every integer type';

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
'comparisons, LIKE and prefixes of text and varchar';

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
