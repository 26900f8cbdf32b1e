-- Row security: the index answers policies and queries, the policy holds whatever the
-- plan is, and nothing that could tell of hidden rows runs before the policy.
SET client_min_messages = warning;
CREATE ROLE regress_mt_alice;
CREATE ROLE regress_mt_bob;
CREATE TABLE rs (id int, owner text COLLATE "C", doc text COLLATE "C", level int);
INSERT INTO rs SELECT g, (ARRAY['regress_mt_alice', 'regress_mt_bob', 'nobody'])[1 + g % 3], 'doc ' || g % 501, g % 10
  FROM generate_series(1, 3000) g;
CREATE INDEX rs_owner ON rs USING masstree (owner);
CREATE INDEX rs_doc ON rs USING masstree (doc);
CREATE INDEX rs_level ON rs USING masstree (level) WHERE level > 7;
VACUUM ANALYZE rs;
ALTER TABLE rs ENABLE ROW LEVEL SECURITY;
CREATE POLICY rs_mine ON rs USING (owner = current_user::text COLLATE "C") WITH CHECK (owner = current_user::text COLLATE "C" AND level < 10);
GRANT SELECT, INSERT, UPDATE, DELETE ON rs TO regress_mt_alice, regress_mt_bob;
-- tells what it is shown, and is thought to be cheap; no document has two owners
CREATE FUNCTION rs_leak(t text) RETURNS boolean COST 0.0001 LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM rs WHERE doc = t) THEN
    RAISE EXCEPTION 'was shown %', t;
  END IF;
  RETURN true;
END $$;

SET ROLE regress_mt_alice;
SELECT set_mode('index');
EXPLAIN (COSTS OFF) SELECT id FROM rs;
-- = cannot leak and may use the index first; LIKE may not run before the policy
EXPLAIN (COSTS OFF) SELECT id FROM rs WHERE doc = 'doc 7';
EXPLAIN (COSTS OFF) SELECT id FROM rs WHERE doc LIKE 'doc 7%';
EXPLAIN (COSTS OFF) SELECT id FROM rs WHERE rs_leak(doc);
EXPLAIN (COSTS OFF) SELECT doc FROM rs WHERE doc > 'doc 2' ORDER BY doc LIMIT 3;
SELECT reset_mode();
SELECT same_rows('SELECT id FROM rs', 'rs_owner');
SELECT same_rows('SELECT id FROM rs', 'rs_owner', 'bitmap');
SELECT same_rows('SELECT id FROM rs WHERE doc = ''doc 7''', 'rs_doc');
SELECT same_rows('SELECT id FROM rs WHERE owner = ''regress_mt_bob''', 'rs_owner');
SELECT same_rows('SELECT id FROM rs WHERE doc LIKE ''doc 7%''', 'rs_owner');
SELECT same_rows('SELECT doc FROM rs WHERE doc > ''doc 2'' ORDER BY doc', 'rs_doc');
SELECT same_rows('SELECT min(doc), max(doc) FROM rs', 'rs_doc');
SELECT same_rows('SELECT level FROM rs WHERE level > 7 ORDER BY level', 'rs_level');
SELECT same_rows('SELECT id FROM rs WHERE rs_leak(doc)', 'rs_owner');
-- changes
INSERT INTO rs VALUES (4000, 'regress_mt_alice', 'mine', 1);
INSERT INTO rs VALUES (4001, 'regress_mt_bob', 'not mine', 1);
INSERT INTO rs VALUES (4001, 'regress_mt_alice', 'mine', 10);
SET enable_seqscan = off;
UPDATE rs SET level = 9 WHERE doc = 'doc 7';
UPDATE rs SET owner = 'regress_mt_bob' WHERE doc = 'doc 7';
DELETE FROM rs WHERE doc = 'doc 8' RETURNING owner;
RESET enable_seqscan;
SELECT same_rows('SELECT id, level FROM rs WHERE doc = ''doc 7''', 'rs_doc');
-- one plan, two users
SET plan_cache_mode = force_generic_plan;
PREPARE rs_count (text) AS SELECT current_user, count(*) FROM rs WHERE doc = $1;
EXECUTE rs_count ('doc 7');
SET ROLE regress_mt_bob;
EXECUTE rs_count ('doc 7');
RESET ROLE;
EXECUTE rs_count ('doc 7');
DEALLOCATE rs_count;
RESET plan_cache_mode;
-- a policy that asks another table, in the order of the index
CREATE TABLE rs_grant (who text COLLATE "C", doc text COLLATE "C");
INSERT INTO rs_grant SELECT 'regress_mt_bob', 'doc ' || g FROM generate_series(1, 20) g;
CREATE INDEX rs_grant_doc ON rs_grant USING masstree (doc);
GRANT SELECT ON rs_grant TO regress_mt_bob;
CREATE POLICY rs_granted ON rs FOR SELECT USING (EXISTS (SELECT FROM rs_grant g WHERE g.doc = rs.doc AND who = current_user));
SET ROLE regress_mt_bob;
SELECT same_rows('SELECT id FROM rs WHERE doc = ''doc 7''', 'rs_doc');
SELECT same_rows('SELECT doc FROM rs WHERE doc < ''doc 3'' ORDER BY doc', 'rs_doc');
RESET ROLE;
-- a restrictive policy; the owner, whom policies bind only if FORCEd
CREATE POLICY rs_low ON rs AS RESTRICTIVE USING (level < 5);
SET ROLE regress_mt_bob;
SELECT same_rows('SELECT id FROM rs WHERE doc = ''doc 7''', 'rs_doc');
RESET ROLE;
SELECT same_rows('SELECT id FROM rs WHERE doc = ''doc 7''', 'rs_doc');
-- a view that is a security barrier
CREATE VIEW rs_view WITH (security_barrier) AS SELECT id, doc FROM rs WHERE level > 7;
GRANT SELECT ON rs_view TO regress_mt_bob;
SET ROLE regress_mt_bob;
SELECT set_mode('index');
EXPLAIN (COSTS OFF) SELECT id FROM rs_view WHERE doc = 'doc 8' AND rs_leak(doc);
SELECT reset_mode();
SELECT same_rows('SELECT id FROM rs_view WHERE doc = ''doc 8''', 'rs_doc');
SELECT masstree_check('rs_doc');
RESET ROLE;
SELECT masstree_check('rs_doc', true), masstree_check('rs_owner', true), masstree_check('rs_level', true);
DROP TABLE rs, rs_grant CASCADE;
DROP ROLE regress_mt_alice, regress_mt_bob;
