-- Tenants, people, jobs, runs, and what the engine needs.
--
-- Every table with a tenant_id has row-level security: the application's role (a member of
-- treadle_tenant) sees and writes only the rows of the tenant that its transaction names; the
-- engine's role (a member of treadle_system) sees all. Neither owns a table nor can bypass.

CREATE FUNCTION treadle.current_tenant() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('treadle.tenant_id', true), '')::uuid $$;

-- ---------------------------------------------------------------- identity

CREATE TABLE treadle.tenants (
    id          uuid PRIMARY KEY,
    name        text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 100),
    created_at  timestamptz NOT NULL
);

CREATE TABLE treadle.projects (
    id           uuid PRIMARY KEY,
    tenant_id    uuid NOT NULL REFERENCES treadle.tenants,
    name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    description  text NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL,
    UNIQUE (tenant_id, name),
    UNIQUE (tenant_id, id)
);

-- Usernames are unique in the installation: a login names no tenant. `username_folded` is how
-- they are compared: the application folds case and look-alike forms, so that the answer does not
-- hang on the database's locale.
CREATE TABLE treadle.users (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id         uuid NOT NULL REFERENCES treadle.tenants,
    username          text NOT NULL CHECK (length(username) BETWEEN 1 AND 100),
    username_folded   text NOT NULL UNIQUE,
    password_hash     text NOT NULL,
    email             text NOT NULL DEFAULT '',
    first_name        text NOT NULL DEFAULT '',
    last_name         text NOT NULL DEFAULT '',
    active            boolean NOT NULL DEFAULT true,
    created_at        timestamptz NOT NULL,
    last_modified_at  timestamptz NOT NULL,
    UNIQUE (tenant_id, id)
);

-- A role of a principal: without a project it holds in the whole tenant.
CREATE TABLE treadle.members (
    id           uuid PRIMARY KEY,
    tenant_id    uuid NOT NULL REFERENCES treadle.tenants,
    member_type  text NOT NULL CHECK (member_type IN ('user', 'api_key')),
    member_id    text NOT NULL,
    project_id   uuid,
    role         text NOT NULL,
    created_at   timestamptz NOT NULL,
    FOREIGN KEY (tenant_id, project_id) REFERENCES treadle.projects (tenant_id, id)
        ON DELETE CASCADE,
    CHECK (CASE WHEN project_id IS NULL
                THEN role IN ('Administrator', 'Project Creator', 'Consumer')
                ELSE role IN ('Owner', 'Contributor', 'Manager', 'Member') END),
    UNIQUE NULLS NOT DISTINCT (tenant_id, member_type, member_id, project_id)
);

-- One login and the chain of refresh tokens that grew from it: they are revoked together.
CREATE TABLE treadle.sessions (
    id              uuid PRIMARY KEY,
    tenant_id       uuid NOT NULL REFERENCES treadle.tenants,
    user_id         bigint NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    revoked_at      timestamptz,
    revoked_reason  text,
    FOREIGN KEY (tenant_id, user_id) REFERENCES treadle.users (tenant_id, id) ON DELETE CASCADE,
    UNIQUE (tenant_id, id),
    CHECK ((revoked_at IS NULL) = (revoked_reason IS NULL))
);
CREATE INDEX sessions_user ON treadle.sessions (tenant_id, user_id);      -- revoke a user's
CREATE INDEX sessions_expiry ON treadle.sessions (expires_at);            -- prune

-- Only the SHA-256 of a token is stored.
CREATE TABLE treadle.tokens (
    token_hash  bytea PRIMARY KEY,
    tenant_id   uuid NOT NULL REFERENCES treadle.tenants,
    session_id  uuid NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('access', 'refresh')),
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz CHECK (used_at IS NULL OR kind = 'refresh'),
    FOREIGN KEY (tenant_id, session_id) REFERENCES treadle.sessions (tenant_id, id)
        ON DELETE CASCADE
);
CREATE INDEX tokens_session ON treadle.tokens (tenant_id, session_id);    -- cascade
CREATE INDEX tokens_expiry ON treadle.tokens (expires_at)                 -- prune; refresh tokens
    WHERE kind = 'access';                                                -- go with their session

-- Failed logins, for the lock-out. The subject is a hash of user name and address: whether the
-- user exists makes no difference to what is stored.
CREATE TABLE treadle.login_failures (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject  bytea NOT NULL,
    at       timestamptz NOT NULL
);
CREATE INDEX login_failures_subject ON treadle.login_failures (subject, at);   -- lock-out
CREATE INDEX login_failures_age ON treadle.login_failures (at);               -- prune

-- ---------------------------------------------------------------- jobs

-- A named pool of workers; of the installation, not of a tenant.
CREATE TABLE treadle.destinations (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 100),
    created_at  timestamptz NOT NULL
);

-- A process that executes; a row lives as long as its heartbeat.
CREATE TABLE treadle.workers (
    id              uuid PRIMARY KEY,
    destination_id  bigint NOT NULL REFERENCES treadle.destinations,
    host            text NOT NULL,
    process_id      int NOT NULL,
    capacity        int NOT NULL CHECK (capacity > 0),
    started_at      timestamptz NOT NULL,
    heartbeat_at    timestamptz NOT NULL
);

CREATE TABLE treadle.jobs (
    id                     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id              uuid NOT NULL REFERENCES treadle.tenants,
    project_id             uuid NOT NULL,
    name                   text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    description            text NOT NULL DEFAULT '',
    active                 boolean NOT NULL DEFAULT true,
    package_name           text,
    entry_point            text,
    log_level              text NOT NULL DEFAULT 'INFO'
                           CHECK (log_level IN ('SEVERE', 'WARNING', 'INFO', 'DEBUG')),
    blocking               boolean NOT NULL DEFAULT false,
    timeout_minutes        int NOT NULL DEFAULT 0 CHECK (timeout_minutes >= 0),
    max_retries            int NOT NULL DEFAULT 0 CHECK (max_retries BETWEEN 0 AND 100),
    retry_backoff_seconds  int NOT NULL DEFAULT 60 CHECK (retry_backoff_seconds >= 0),
    network                boolean NOT NULL DEFAULT false,
    destination_id         bigint NOT NULL REFERENCES treadle.destinations,
    tags                   text[] NOT NULL DEFAULT '{}',
    macro_sets             text[] NOT NULL DEFAULT '{}',
    created_at             timestamptz NOT NULL,
    created_by             text NOT NULL,          -- a principal: user:1, api_key:<client id>
    last_modified_at       timestamptz NOT NULL,
    last_modified_by       text NOT NULL,
    deleted_at             timestamptz,            -- gone for callers; its history stays
    FOREIGN KEY (tenant_id, project_id) REFERENCES treadle.projects (tenant_id, id),
    UNIQUE (tenant_id, id)
);
-- Lists of live jobs: of all, of one project, by name, by the last change.
CREATE INDEX jobs_live ON treadle.jobs (tenant_id, id) WHERE deleted_at IS NULL;
CREATE INDEX jobs_of_project ON treadle.jobs (tenant_id, project_id, id) WHERE deleted_at IS NULL;
CREATE INDEX jobs_by_name ON treadle.jobs (tenant_id, lower(name), id) WHERE deleted_at IS NULL;
CREATE INDEX jobs_by_change ON treadle.jobs (tenant_id, last_modified_at, id)
    WHERE deleted_at IS NULL;

-- Contents that uploads brought, by hash. The row is committed before its object is stored, and
-- locked while the object is removed, for which it must be a day old: so an upload and the pruner
-- never disagree about whether it is there.
CREATE TABLE treadle.stored_packages (
    tenant_id  uuid NOT NULL REFERENCES treadle.tenants,
    sha256     bytea NOT NULL CHECK (length(sha256) = 32),
    size       bigint NOT NULL CHECK (size >= 0),
    stored_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, sha256)
);
CREATE INDEX stored_packages_age ON treadle.stored_packages (stored_at);  -- prune

CREATE TABLE treadle.job_files (
    tenant_id      uuid NOT NULL REFERENCES treadle.tenants,
    job_id         bigint NOT NULL,
    key            text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    size           bigint NOT NULL CHECK (size >= 0),
    sha256         bytea NOT NULL CHECK (length(sha256) = 32),
    package        jsonb,                          -- what inspection found; null: not a package
    last_modified  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, job_id, key),
    FOREIGN KEY (tenant_id, job_id) REFERENCES treadle.jobs (tenant_id, id),
    FOREIGN KEY (tenant_id, sha256) REFERENCES treadle.stored_packages (tenant_id, sha256)
);
CREATE INDEX job_files_content ON treadle.job_files (tenant_id, sha256);  -- is a content still used

-- Variables of the code. `secret` is sealed; `value` is plain; exactly one of them is set.
CREATE TABLE treadle.macros (
    id           uuid PRIMARY KEY,
    tenant_id    uuid NOT NULL REFERENCES treadle.tenants,
    scope        text NOT NULL CHECK (scope IN ('tenant', 'user', 'job', 'set')),
    scope_id     text NOT NULL CHECK ((scope = 'tenant') = (scope_id = '')),
    name         text NOT NULL CHECK (name ~ '^[A-Za-z_][A-Za-z0-9_]{0,127}$'),
    value        text,
    secret       bytea,
    description  text NOT NULL DEFAULT '',
    modified_at  timestamptz NOT NULL,
    UNIQUE (tenant_id, scope, scope_id, name),
    CHECK ((value IS NULL) <> (secret IS NULL))
);

CREATE TABLE treadle.macro_sets (
    tenant_id    uuid NOT NULL REFERENCES treadle.tenants,
    name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    description  text NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

-- One execution of a job. `attempt` counts the tries that a worker began and is the fencing token:
-- whoever writes as a worker says id, state and attempt.
CREATE TABLE treadle.runs (
    id                     uuid PRIMARY KEY,
    tenant_id              uuid NOT NULL REFERENCES treadle.tenants,
    project_id             uuid NOT NULL,
    job_id                 bigint NOT NULL,
    job_name               text NOT NULL,
    state                  text NOT NULL CHECK (state IN ('QUEUED', 'WAITING', 'INITIALIZING',
                               'RUNNING', 'FINISHED', 'ERROR', 'FAILED', 'CANCELLED')),
    attempt                int NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    failures               int NOT NULL DEFAULT 0 CHECK (failures >= 0),
    max_retries            int NOT NULL,
    retry_backoff_seconds  int NOT NULL,
    timeout_seconds        int NOT NULL CHECK (timeout_seconds >= 0),
    blocking               boolean NOT NULL,
    network                boolean NOT NULL,
    log_level              text NOT NULL,
    destination_id         bigint NOT NULL REFERENCES treadle.destinations,
    package                jsonb NOT NULL,         -- key, sha256, entry point: fixed at submission
    input                  jsonb NOT NULL DEFAULT '{}',
    macros                 bytea,                  -- the run's own, sealed
    macro_sets             text[] NOT NULL DEFAULT '{}',
    tags                   text[] NOT NULL DEFAULT '{}',
    submitted_by           text NOT NULL,
    scheduled_at           timestamptz NOT NULL,
    not_before             timestamptz,            -- the next attempt waits until then
    received_at            timestamptz,            -- a worker had it first
    started_at             timestamptz,            -- the last attempt's code began
    finished_at            timestamptz,
    worker_id              uuid,
    lease_expires_at       timestamptz,
    stop_requested_at      timestamptz,
    stop_requested_by      text,
    result                 jsonb,
    error_type             text,
    error                  text,
    return_code            int,
    log_bytes              bigint NOT NULL DEFAULT 0,
    retry_of               uuid,
    FOREIGN KEY (tenant_id, job_id) REFERENCES treadle.jobs (tenant_id, id),
    FOREIGN KEY (tenant_id, project_id) REFERENCES treadle.projects (tenant_id, id),
    UNIQUE (tenant_id, id),
    CHECK ((finished_at IS NOT NULL) = (state IN ('FINISHED', 'ERROR', 'FAILED', 'CANCELLED'))),
    CHECK ((worker_id IS NOT NULL) = (state IN ('INITIALIZING', 'RUNNING'))),
    CHECK ((lease_expires_at IS NOT NULL) = (state IN ('INITIALIZING', 'RUNNING')))
);
-- Lists of runs, the newest first: of all, of one job, of one project, of one submitter; and those
-- that did not finish, which are few among many. Open ones: runs_open.
CREATE INDEX runs_recent ON treadle.runs (tenant_id, scheduled_at DESC, id DESC);   -- statistics
CREATE INDEX runs_of_job ON treadle.runs (tenant_id, job_id, scheduled_at DESC, id DESC);
CREATE INDEX runs_of_project ON treadle.runs (tenant_id, project_id, scheduled_at DESC, id DESC);
CREATE INDEX runs_of_submitter ON treadle.runs
    (tenant_id, submitted_by, scheduled_at DESC, id DESC);
CREATE INDEX runs_unsuccessful ON treadle.runs (tenant_id, state, scheduled_at DESC, id DESC)
    WHERE state IN ('ERROR', 'FAILED', 'CANCELLED');
CREATE INDEX runs_open ON treadle.runs (tenant_id, job_id, id)                  -- blocking order
    WHERE state IN ('QUEUED', 'WAITING', 'INITIALIZING', 'RUNNING');
CREATE INDEX runs_waiting ON treadle.runs (tenant_id, job_id, id)               -- who is next
    WHERE state = 'WAITING';
CREATE INDEX runs_leases ON treadle.runs (lease_expires_at)                     -- lost workers
    WHERE lease_expires_at IS NOT NULL;
CREATE INDEX runs_finished ON treadle.runs (finished_at)                        -- prune
    WHERE finished_at IS NOT NULL;

CREATE TABLE treadle.run_attempts (
    tenant_id    uuid NOT NULL REFERENCES treadle.tenants,
    run_id       uuid NOT NULL,
    attempt      int NOT NULL CHECK (attempt > 0),
    worker_id    uuid NOT NULL,
    received_at  timestamptz NOT NULL,
    started_at   timestamptz,
    finished_at  timestamptz,
    outcome      text CHECK (outcome IN ('finished', 'error', 'failed', 'stopped', 'lost',
                                         'handed_back')),
    error_type   text,
    error        text,
    return_code  int,
    PRIMARY KEY (tenant_id, run_id, attempt),
    FOREIGN KEY (tenant_id, run_id) REFERENCES treadle.runs (tenant_id, id) ON DELETE CASCADE,
    CHECK ((finished_at IS NULL) = (outcome IS NULL))
);

-- The log in the order it came; `position` is the offset of the chunk's first byte.
CREATE TABLE treadle.run_logs (
    tenant_id  uuid NOT NULL REFERENCES treadle.tenants,
    run_id     uuid NOT NULL,
    position   bigint NOT NULL CHECK (position >= 0),
    attempt    int NOT NULL,
    at         timestamptz NOT NULL,
    content    text NOT NULL,
    PRIMARY KEY (tenant_id, run_id, position),
    FOREIGN KEY (tenant_id, run_id) REFERENCES treadle.runs (tenant_id, id) ON DELETE CASCADE
);

CREATE TABLE treadle.run_files (
    tenant_id  uuid NOT NULL REFERENCES treadle.tenants,
    run_id     uuid NOT NULL,
    path       text NOT NULL,
    attempt    int NOT NULL,
    number     int NOT NULL,                       -- names the object in the storage
    size       bigint NOT NULL CHECK (size >= 0),
    PRIMARY KEY (tenant_id, run_id, path),
    FOREIGN KEY (tenant_id, run_id) REFERENCES treadle.runs (tenant_id, id) ON DELETE CASCADE
);

-- The answer that an Idempotency-Key already got. It is written in the transaction of the work
-- itself, so that either both are there or neither.
CREATE TABLE treadle.idempotency_keys (
    tenant_id     uuid NOT NULL REFERENCES treadle.tenants,
    principal     text NOT NULL,
    key           text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    request_hash  bytea NOT NULL,
    status        int,
    headers       jsonb,
    body          bytea,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, principal, key)
);
CREATE INDEX idempotency_keys_age ON treadle.idempotency_keys (created_at);     -- prune

-- ---------------------------------------------------------------- engine

-- Work that must not start before its time. `key` makes a timer replaceable and unique.
CREATE TABLE treadle.timers (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id   uuid NOT NULL REFERENCES treadle.tenants,
    lane        text NOT NULL,
    key         text NOT NULL,
    due_at      timestamptz NOT NULL,
    payload     bytea NOT NULL,
    UNIQUE (tenant_id, lane, key)
);
CREATE INDEX timers_due ON treadle.timers (due_at);                             -- the ticker

-- Queue entries that a tenant has in the queue, to count them against its bound.
CREATE TABLE treadle.admissions (
    entry_id   bigint PRIMARY KEY,
    tenant_id  uuid NOT NULL REFERENCES treadle.tenants,
    lane       text NOT NULL
);
CREATE INDEX admissions_tenant ON treadle.admissions (lane, tenant_id, entry_id);  -- count

-- Work over the bound of its tenant: waits here, in order, and is admitted round robin.
CREATE TABLE treadle.backlog (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id  uuid NOT NULL REFERENCES treadle.tenants,
    lane       text NOT NULL,
    payload    bytea NOT NULL
);
CREATE INDEX backlog_order ON treadle.backlog (lane, tenant_id, id);            -- admit

-- How many more entries each tenant may have in the queue; none while some of its entries wait.
-- A function for its setting: these tables are empty now and full a second later, and a plan that
-- a session remembers from the empty table would read the full one from end to end.
CREATE FUNCTION treadle.free_places(lanes text[], tenants uuid[], bound int)
    RETURNS TABLE (lane text, tenant_id uuid, free int)
    LANGUAGE plpgsql STABLE SET enable_seqscan = off
    AS $$
    #variable_conflict use_column
    BEGIN
        RETURN QUERY
        SELECT whose.lane, whose.tenant_id,
               CASE WHEN EXISTS (SELECT FROM treadle.backlog b
                                 WHERE b.lane = whose.lane AND b.tenant_id = whose.tenant_id)
                    THEN 0
                    ELSE greatest(bound - (SELECT count(*)::int
                                           FROM (SELECT FROM treadle.admissions a
                                                 WHERE a.lane = whose.lane
                                                   AND a.tenant_id = whose.tenant_id
                                                 LIMIT bound) counted), 0)
               END
        FROM unnest(lanes, tenants) whose (lane, tenant_id);
    END
    $$;

-- ---------------------------------------------------------------- the walls

GRANT USAGE ON SCHEMA treadle TO treadle_tenant, treadle_system;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA treadle TO treadle_system;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA treadle TO treadle_tenant;
REVOKE INSERT, UPDATE, DELETE ON treadle.tenants, treadle.destinations, treadle.workers
    FROM treadle_tenant;
REVOKE ALL ON treadle.login_failures FROM treadle_tenant;
REVOKE ALL ON treadle.migrations FROM treadle_tenant, treadle_system;
GRANT SELECT ON treadle.migrations TO treadle_tenant, treadle_system;

-- The tenants table is its own tenant.
ALTER TABLE treadle.tenants ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON treadle.tenants TO treadle_tenant USING (id = treadle.current_tenant());
CREATE POLICY engine ON treadle.tenants TO treadle_system USING (true) WITH CHECK (true);

DO $$
DECLARE
    name text;
BEGIN
    FOR name IN
        SELECT table_name FROM information_schema.columns
        WHERE table_schema = 'treadle' AND column_name = 'tenant_id'
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
