-- The operator classes hold together, and have every operator that btree's have, but for the
-- comparisons of enums.
SELECT opcname, opcintype::regtype FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod
  WHERE amname = 'masstree' AND NOT amvalidate(c.oid);
CREATE VIEW class_operators AS
  SELECT amname, opcintype, amopstrategy, amopopr::regoperator AS operator
  FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod JOIN pg_amop o ON amopfamily = opcfamily AND amoplefttype = opcintype
  WHERE opcdefault;
SELECT b.opcintype::regtype, b.operator FROM class_operators b
  WHERE b.amname = 'btree' AND b.opcintype IN (SELECT opcintype FROM class_operators WHERE amname = 'masstree')
    AND NOT EXISTS (SELECT 1 FROM class_operators m WHERE m.amname = 'masstree'
                      AND (m.opcintype, m.amopstrategy, m.operator) = (b.opcintype, b.amopstrategy, b.operator))
  ORDER BY 1::text, 2::text COLLATE "C";
-- what masstree has beyond them
SELECT m.opcintype::regtype, m.amopstrategy, m.operator FROM class_operators m
  WHERE m.amname = 'masstree'
    AND NOT EXISTS (SELECT 1 FROM class_operators b WHERE b.amname = 'btree'
                      AND (m.opcintype, m.amopstrategy, m.operator) = (b.opcintype, b.amopstrategy, b.operator))
  ORDER BY 1::text, 2;
-- types that btree has by default and masstree has not
SELECT opcintype::regtype FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod WHERE amname = 'btree' AND opcdefault AND c.oid < 16384
  AND opcintype NOT IN (SELECT opcintype FROM class_operators WHERE amname = 'masstree') ORDER BY 1::text;
CREATE TABLE untaken (v oidvector, j jsonb, r int4range, t tsvector);
CREATE INDEX ON untaken USING masstree (v);
CREATE INDEX ON untaken USING masstree (j);
CREATE INDEX ON untaken USING masstree (r);
CREATE INDEX ON untaken USING masstree (t);

-- A domain is indexed as what it is made of.
CREATE DOMAIN positive AS numeric CHECK (VALUE > 0);
CREATE DOMAIN very_positive AS positive CHECK (VALUE > 100);
CREATE DOMAIN day AS date NOT NULL DEFAULT '2020-01-01';
CREATE DOMAIN code AS char(6) COLLATE "C";
CREATE TYPE level AS ENUM ('low', 'high');
CREATE DOMAIN some_level AS level;
CREATE TABLE domained AS SELECT g AS id, (g + 100)::very_positive AS n, ('2020-01-01'::date + g % 300)::day AS d,
  lpad((g % 70)::text, 3, 'c')::code AS c, (ARRAY['low', 'high'])[1 + g % 2]::some_level AS l FROM generate_series(1, 2000) g;
CREATE INDEX domained_n ON domained USING masstree (n);
CREATE INDEX domained_d ON domained USING masstree (d);
CREATE INDEX domained_c ON domained USING masstree (c);
CREATE INDEX domained_l ON domained USING masstree (l);
ANALYZE domained;
SELECT same_rows('SELECT id FROM domained WHERE n > 150.50 AND n <= 200', 'domained_n');
SELECT same_rows('SELECT n FROM domained ORDER BY n DESC', 'domained_n');
SELECT same_rows('SELECT id FROM domained WHERE d = ''2020-02-01''::timestamp', 'domained_d');
SELECT same_rows('SELECT d FROM domained WHERE d < ''2020-02-01'' ORDER BY d', 'domained_d');
SELECT same_rows('SELECT id FROM domained WHERE c = ''c12 ''', 'domained_c');
SELECT same_rows('SELECT id FROM domained WHERE l::level = ''low'' AND id < 50', 'domained_l');
SELECT same_rows('SELECT l FROM domained ORDER BY l', 'domained_l');
SELECT masstree_check('domained_n', true), masstree_check('domained_d', true), masstree_check('domained_c', true), masstree_check('domained_l', true);
