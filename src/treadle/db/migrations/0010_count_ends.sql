-- What ended in a stretch of time is counted from the index alone, of one tenant: a page that looks
-- every few seconds reads neither the rows nor what others have.
CREATE INDEX runs_ended ON treadle.runs (tenant_id, finished_at) INCLUDE (project_id, state)
    WHERE finished_at IS NOT NULL;
CREATE INDEX executions_ended ON treadle.executions (tenant_id, finished_at)
    INCLUDE (project_id, status) WHERE finished_at IS NOT NULL;
