-- Nothing that shows keys or costs a walk is for everybody.
CREATE ROLE regress_mt_owner;
CREATE ROLE regress_mt_other;
CREATE ROLE regress_mt_monitor;
GRANT pg_monitor TO regress_mt_monitor;
GRANT CREATE ON SCHEMA public TO regress_mt_owner;
SET ROLE regress_mt_owner;
CREATE TABLE priv (t text COLLATE "C");
INSERT INTO priv VALUES ('secret');
CREATE INDEX priv_t ON priv USING masstree (t);
SELECT masstree_load('priv_t');
RESET ROLE;
SET ROLE regress_mt_other;
SELECT masstree_check('priv_t');
SELECT keys FROM masstree_stats('priv_t');
SELECT masstree_load('priv_t');
SELECT count(*) FROM pg_stat_masstree;
SELECT size FROM masstree_memory();
RESET ROLE;
SET ROLE regress_mt_monitor;
SELECT keys FROM masstree_stats('priv_t');
SELECT count(*) FROM pg_stat_masstree WHERE indexrelname = 'priv_t';
SELECT size > 0 AS size FROM masstree_memory();
SELECT masstree_load('priv_t');
RESET ROLE;
-- functions of the index run as its owner, whoever uses the index
SET ROLE regress_mt_owner;
CREATE FUNCTION priv_who(t text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS
  'BEGIN RAISE NOTICE ''runs as %'', current_user; RETURN t; END';
CREATE INDEX priv_fn ON priv USING masstree (priv_who(t) COLLATE "C");
RESET ROLE;
REINDEX INDEX priv_fn;
DROP TABLE priv;
DROP FUNCTION priv_who;
REVOKE CREATE ON SCHEMA public FROM regress_mt_owner;
DROP ROLE regress_mt_owner, regress_mt_other, regress_mt_monitor;
