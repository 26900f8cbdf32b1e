-- Settings of the server and of one index.
SHOW masstree.on_full;
SET masstree.on_full = 'error';
SET masstree.on_full = 'sometimes';
RESET masstree.on_full;
SET masstree.memory = '1GB';
SET masstree.nonsense = 1;
SELECT name, context, vartype FROM pg_settings WHERE name LIKE 'masstree.%' ORDER BY name COLLATE "C";
CREATE TABLE opt (n int);
CREATE INDEX opt_n ON opt USING masstree (n) WITH (on_full = error);
SELECT reloptions FROM pg_class WHERE relname = 'opt_n';
ALTER INDEX opt_n SET (on_full = unload);
SELECT reloptions FROM pg_class WHERE relname = 'opt_n';
ALTER INDEX opt_n RESET (on_full);
SELECT reloptions FROM pg_class WHERE relname = 'opt_n';
SELECT pg_get_indexdef('opt_n'::regclass);
SELECT amname, amtype, pg_indexam_has_property(oid, 'can_order') AS ordered,
       pg_indexam_has_property(oid, 'can_unique') AS uniq, pg_indexam_has_property(oid, 'can_multi_col') AS multi,
       pg_indexam_has_property(oid, 'can_exclude') AS exclude
  FROM pg_am WHERE amname = 'masstree';
SELECT pg_index_has_property('opt_n'::regclass, 'backward_scan') AS backward,
       pg_index_column_has_property('opt_n'::regclass, 1, 'search_nulls') AS nulls,
       pg_index_column_has_property('opt_n'::regclass, 1, 'orderable') AS orderable;
