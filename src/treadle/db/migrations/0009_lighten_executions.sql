-- Executions are inserted by thousands a second, and each foreign key looks up one row more for each
-- of them, and locks it against all others who do. What these promised is kept by who inserts:
--
-- - the tenant is the transaction's, by the policy;
-- - the version was read in the same transaction and was ACTIVE: only a DRAFT is ever deleted, and
--   what has been ACTIVE never is one again;
-- - a process id is claimed by the transaction that inserts its execution, before it does, and
--   released by the one that ends it; only what has ended is deleted.
--
-- What an execution is told, and what it asks, goes with it as before.
ALTER TABLE treadle.executions
    DROP CONSTRAINT executions_tenant_id_fkey,
    DROP CONSTRAINT executions_tenant_id_version_id_fkey;
DROP INDEX treadle.executions_of_version;

ALTER TABLE treadle.live_processes
    DROP CONSTRAINT live_processes_tenant_id_fkey,
    DROP CONSTRAINT live_processes_tenant_id_execution_id_fkey;

ALTER TABLE treadle.execution_inbox DROP CONSTRAINT execution_inbox_tenant_id_fkey;
ALTER TABLE treadle.execution_effects DROP CONSTRAINT execution_effects_tenant_id_fkey;
