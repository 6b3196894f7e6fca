-- Connections to other systems, and their secrets.

-- The secrets are one sealed value, bound to the row; their names say which are set. `revision`
-- counts the changes: what a process remembers of a connection (a token) holds for one revision.
CREATE TABLE treadle.integrations (
    id            uuid PRIMARY KEY,
    tenant_id     uuid NOT NULL REFERENCES treadle.tenants,
    project_id    uuid NOT NULL,
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    type          text NOT NULL CHECK (type IN ('http', 'sap', 'teams', 'slack', 'smtp', 'sql')),
    config        json NOT NULL,
    secrets       bytea,
    secret_names  text[] NOT NULL,
    revision      int NOT NULL DEFAULT 1 CHECK (revision > 0),
    created_at    timestamptz NOT NULL,
    created_by    text NOT NULL,                   -- a principal: user:1, api_key:<client id>
    updated_at    timestamptz NOT NULL,
    updated_by    text NOT NULL,
    FOREIGN KEY (tenant_id, project_id) REFERENCES treadle.projects (tenant_id, id),
    UNIQUE (tenant_id, project_id, name),
    UNIQUE (tenant_id, id),
    CHECK ((secrets IS NULL) = (cardinality(secret_names) = 0))
);

-- ---------------------------------------------------------------- the walls

GRANT SELECT, INSERT, UPDATE, DELETE ON treadle.integrations TO treadle_tenant, treadle_system;
ALTER TABLE treadle.integrations ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON treadle.integrations TO treadle_tenant
    USING (tenant_id = treadle.current_tenant()) WITH CHECK (tenant_id = treadle.current_tenant());
CREATE POLICY engine ON treadle.integrations TO treadle_system USING (true) WITH CHECK (true);
