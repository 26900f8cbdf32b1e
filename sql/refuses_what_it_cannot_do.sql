-- What an index cannot have is refused in PostgreSQL's usual words.
CREATE TYPE no_order AS ENUM ('a', 'b');
CREATE TABLE no (a int, b int, t text, c text COLLATE "C", f point, u tsvector, j jsonb, e no_order[], ff point[]);
CREATE UNIQUE INDEX ON no USING masstree (a);
CREATE INDEX ON no USING masstree (f);
CREATE INDEX ON no USING masstree (j);
CREATE INDEX ON no USING masstree (e);
CREATE INDEX ON no USING masstree (ff);
CREATE INDEX ON no USING masstree (a int8_ops);
CREATE INDEX ON no USING masstree (a) WITH (fillfactor = 50);
CREATE INDEX ON no USING masstree (a) WITH (on_full = 'perhaps');

CREATE TABLE no_key (a int PRIMARY KEY USING INDEX TABLESPACE pg_default);
CREATE INDEX no_a ON no USING masstree (a);
ALTER TABLE no ADD PRIMARY KEY USING INDEX no_a;
-- a failed CREATE INDEX leaves nothing
SELECT count(*) FROM pg_stat_masstree WHERE relname = 'no' AND indexrelname <> 'no_a';

-- functions refuse what is not one of our indexes
CREATE INDEX no_b ON no (b);
CREATE VIEW no_view AS SELECT a FROM no;
SELECT masstree_check('no_b');
SELECT masstree_check('no');
SELECT masstree_check('no_view');
SELECT masstree_check(0);
SELECT masstree_stats('no_b');
SELECT masstree_stats('no');
SELECT masstree_load('no_b');
SELECT masstree_load('no');
SELECT masstree_check(NULL);
SELECT masstree_load(NULL);
SELECT count(*) FROM masstree_stats(NULL) s WHERE s IS NOT NULL;
-- a partitioned index is no index of ours either
CREATE TABLE no_parts (a int) PARTITION BY RANGE (a);
CREATE TABLE no_part PARTITION OF no_parts FOR VALUES FROM (0) TO (100);
CREATE INDEX no_parts_a ON no_parts USING masstree (a);
\set VERBOSITY sqlstate
SELECT masstree_check('no_parts_a');
\set VERBOSITY default
SELECT masstree_check('no_part_a_idx', true);
INSERT INTO no_parts SELECT generate_series(0, 99);
SELECT same_rows('SELECT a FROM no_parts WHERE a > 90 ORDER BY a', 'no_part_a_idx');
