-- Executions: one run of a workflow's version each, a row and a small state.

-- JSON that only the program reads is kept as its bytes: nothing looks into it here, and texts may
-- hold what PostgreSQL's json cannot. `state` is NULL before the first advance, and again once the
-- execution is COMPLETED: nothing goes on from there. `revision` is the fence of every write.
-- Ids grow with time, so the order of ids is the order of creation.
CREATE TABLE treadle.executions (
    tenant_id            uuid NOT NULL REFERENCES treadle.tenants,
    id                   uuid NOT NULL,
    project_id           uuid NOT NULL,
    workflow_id          uuid NOT NULL,
    version_id           uuid NOT NULL,
    number               int NOT NULL,                     -- of the version
    process_id           text CHECK (length(process_id) BETWEEN 1 AND 200),
    trigger_type         text NOT NULL CHECK (trigger_type IN ('REQUEST', 'SCHEDULE', 'WORKFLOW',
                             'MANUAL')),
    status               text NOT NULL DEFAULT 'In Progress' CHECK (status IN ('In Progress',
                             'Awaiting Response', 'Completed', 'Failed', 'Terminated')),
    current              text NOT NULL DEFAULT 'ready',    -- the steps under way
    revision             int NOT NULL DEFAULT 0,
    seq                  int NOT NULL DEFAULT 0,           -- of the last entry in the event log
    resumed              int NOT NULL DEFAULT 0,           -- answers that took it on
    wake_at              timestamptz,                      -- as the engine's timers have it
    input                bytea NOT NULL,
    state                bytea,
    output               bytea,
    error_name           text,
    error_message        text,
    error_step           text,
    parent_execution_id  uuid,                             -- who waits for the end, and where
    parent_step          text,
    parent_attempt       int,
    depth                int NOT NULL DEFAULT 0,           -- executions that it was started within
    origin               text,                             -- another domain's: `firing:…`
    created_at           timestamptz NOT NULL,
    created_by           text NOT NULL,
    modified_at          timestamptz NOT NULL,
    modified_by          text,                             -- the last who resumed, ended, retried
    finished_at          timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, version_id) REFERENCES treadle.workflow_versions (tenant_id, id),
    CHECK ((parent_execution_id IS NULL) = (parent_step IS NULL)),
    CHECK ((parent_execution_id IS NULL) = (parent_attempt IS NULL)),
    CHECK ((finished_at IS NOT NULL) = (status IN ('Completed', 'Failed', 'Terminated')))
);
-- Lists, newest first: of a workflow; of a status, for which pruning asks too.
CREATE INDEX executions_of_workflow ON treadle.executions (tenant_id, workflow_id, id);
CREATE INDEX executions_of_status ON treadle.executions (tenant_id, status, id);
CREATE INDEX executions_of_process ON treadle.executions (tenant_id, process_id, id)
    WHERE process_id IS NOT NULL;
CREATE INDEX executions_of_parent ON treadle.executions (tenant_id, parent_execution_id)
    WHERE parent_execution_id IS NOT NULL;                                -- cancel
CREATE INDEX executions_finished ON treadle.executions (finished_at)
    WHERE finished_at IS NOT NULL;                                        -- prune
CREATE INDEX executions_of_version ON treadle.executions (tenant_id, version_id); -- foreign key

-- A process id names one execution that is not over; its row goes with the end.
CREATE TABLE treadle.live_processes (
    tenant_id     uuid NOT NULL REFERENCES treadle.tenants,
    process_id    text NOT NULL,
    execution_id  uuid NOT NULL,
    PRIMARY KEY (tenant_id, process_id),
    FOREIGN KEY (tenant_id, execution_id) REFERENCES treadle.executions (tenant_id, id)
        ON DELETE CASCADE
);
CREATE INDEX live_processes_execution ON treadle.live_processes (tenant_id, execution_id);

-- The event log, append-only: a row holds the entries of one advance, `seq` is the last one's. It is
-- inserted by the statement that updates its execution, and deleted with it. A foreign key would look
-- that row up once more, for each of thousands a second.
CREATE TABLE treadle.execution_events (
    tenant_id     uuid NOT NULL,
    execution_id  uuid NOT NULL,
    seq           int NOT NULL,
    entries       bytea NOT NULL,
    PRIMARY KEY (tenant_id, execution_id, seq)
);

-- What an execution is to be told: read and removed by the advance that tells it.
CREATE TABLE treadle.execution_inbox (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id     uuid NOT NULL REFERENCES treadle.tenants,
    execution_id  uuid NOT NULL,
    type          text NOT NULL,
    event         bytea NOT NULL,
    FOREIGN KEY (tenant_id, execution_id) REFERENCES treadle.executions (tenant_id, id)
        ON DELETE CASCADE
);
CREATE INDEX execution_inbox_order ON treadle.execution_inbox (tenant_id, execution_id, id);

-- What an execution has asked of the world and not heard of yet. Whoever carries it out takes the
-- next `claim`: only the last one's outcome is taken, and only while the row is here.
CREATE TABLE treadle.execution_effects (
    tenant_id     uuid NOT NULL REFERENCES treadle.tenants,
    execution_id  uuid NOT NULL,
    step          text NOT NULL,
    attempt       int NOT NULL,
    type          text NOT NULL CHECK (type IN ('http', 'function', 'job', 'workflow',
                      'wait_for_response')),
    request       bytea NOT NULL,
    claim         int NOT NULL DEFAULT 0,
    target_id     uuid,                                    -- the run or execution that was begun
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, execution_id, step, attempt),
    FOREIGN KEY (tenant_id, execution_id) REFERENCES treadle.executions (tenant_id, id)
        ON DELETE CASCADE
);

-- ---------------------------------------------------------------- the walls

GRANT SELECT, INSERT, UPDATE, DELETE ON treadle.executions, treadle.live_processes,
    treadle.execution_inbox, treadle.execution_effects TO treadle_tenant, treadle_system;
GRANT SELECT, INSERT ON treadle.execution_events TO treadle_tenant;
GRANT SELECT, INSERT, DELETE ON treadle.execution_events TO treadle_system;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['executions', 'live_processes', 'execution_events',
                                'execution_inbox', 'execution_effects']
    LOOP
        EXECUTE format('ALTER TABLE treadle.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY own ON treadle.%I TO treadle_tenant '
                       'USING (tenant_id = treadle.current_tenant()) '
                       'WITH CHECK (tenant_id = treadle.current_tenant())', name);
        EXECUTE format('CREATE POLICY engine ON treadle.%I TO treadle_system '
                       'USING (true) WITH CHECK (true)', name);
    END LOOP;
END
$$;
