-- Workflows: what a definition says, version by version.

CREATE TABLE treadle.workflows (
    id           uuid PRIMARY KEY,
    tenant_id    uuid NOT NULL REFERENCES treadle.tenants,
    project_id   uuid NOT NULL,
    last_number  int NOT NULL CHECK (last_number > 0),     -- no version's number is given twice
    created_at   timestamptz NOT NULL,
    created_by   text NOT NULL,                            -- a principal: user:1, api_key:<client id>
    updated_at   timestamptz NOT NULL,
    updated_by   text NOT NULL,
    FOREIGN KEY (tenant_id, project_id) REFERENCES treadle.projects (tenant_id, id),
    UNIQUE (tenant_id, id)
);
CREATE INDEX workflows_of_project ON treadle.workflows (tenant_id, project_id);

-- Only a DRAFT changes: what has been ACTIVE once stays as it is, and processes remember it by its
-- id. Steps, connections and schema are kept as json, in the order in which they were written.
CREATE TABLE treadle.workflow_versions (
    id            uuid PRIMARY KEY,
    tenant_id     uuid NOT NULL REFERENCES treadle.tenants,
    workflow_id   uuid NOT NULL,
    number        int NOT NULL CHECK (number > 0),
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    status        text NOT NULL CHECK (status IN ('DRAFT', 'ACTIVE', 'PAUSED', 'ARCHIVED')),
    trigger_type  text NOT NULL CHECK (trigger_type IN ('REQUEST', 'SCHEDULE')),
    steps         json NOT NULL,
    connections   json NOT NULL,
    integrations  json NOT NULL,                           -- name: id, of the project's
    schema        json,                                    -- what a payload must look like
    mock_payload  json,                                    -- what the schema was detected from
    created_at    timestamptz NOT NULL,
    created_by    text NOT NULL,
    updated_at    timestamptz NOT NULL,
    updated_by    text NOT NULL,
    FOREIGN KEY (tenant_id, workflow_id) REFERENCES treadle.workflows (tenant_id, id),
    UNIQUE (tenant_id, workflow_id, number),
    UNIQUE (tenant_id, id)
);
-- The version that is meant where none is named.
CREATE INDEX workflow_versions_active ON treadle.workflow_versions
    (tenant_id, workflow_id, number DESC) WHERE status = 'ACTIVE';

-- Schedules that start a workflow; one of them may be the workflow's own, by its trigger.
ALTER TABLE treadle.schedules ADD COLUMN workflow_id uuid;
ALTER TABLE treadle.schedules ADD FOREIGN KEY (tenant_id, workflow_id)
    REFERENCES treadle.workflows (tenant_id, id);
ALTER TABLE treadle.schedules DROP CONSTRAINT schedules_face_check;
ALTER TABLE treadle.schedules ADD CONSTRAINT schedules_face_check
    CHECK (face IN ('schedules', 'remote_jobs', 'job_config', 'workflow'));
CREATE INDEX schedules_of_workflow ON treadle.schedules (tenant_id, workflow_id, id)
    WHERE deleted_at IS NULL AND workflow_id IS NOT NULL;
CREATE UNIQUE INDEX schedules_one_of_workflow ON treadle.schedules (tenant_id, workflow_id)
    WHERE deleted_at IS NULL AND face = 'workflow';

-- ---------------------------------------------------------------- the walls

GRANT SELECT, INSERT, UPDATE, DELETE ON treadle.workflows, treadle.workflow_versions
    TO treadle_tenant, treadle_system;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['workflows', 'workflow_versions']
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
