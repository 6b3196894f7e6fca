-- Thousands of schedules may be due in one second, and each foreign key of a firing or a run looks up
-- one row more for each of them, and locks it against all others who do. What these promised is kept
-- by who inserts:
--
-- - the tenant is the transaction's, by the policy;
-- - the schedule of a firing and the job of a run are held by the transaction that inserts, and a
--   deleted one stays as a row that says so; the destination is the job's, and none is ever deleted.
--
-- A run keeps its reference to the project, which may be deleted for good; its log, its attempts and
-- its files keep theirs to the run, with which they go.
ALTER TABLE treadle.firings
    DROP CONSTRAINT firings_tenant_id_fkey,
    DROP CONSTRAINT firings_tenant_id_schedule_id_fkey;

ALTER TABLE treadle.runs
    DROP CONSTRAINT runs_tenant_id_fkey,
    DROP CONSTRAINT runs_tenant_id_job_id_fkey,
    DROP CONSTRAINT runs_destination_id_fkey;

ALTER TABLE treadle.run_attempts DROP CONSTRAINT run_attempts_tenant_id_fkey;
ALTER TABLE treadle.run_logs DROP CONSTRAINT run_logs_tenant_id_fkey;
ALTER TABLE treadle.run_files DROP CONSTRAINT run_files_tenant_id_fkey;
