-- Schedules: when, what, and what became of every due time.

-- What a run was started for by another domain: `firing:<id>`. That domain is told of its end.
ALTER TABLE treadle.runs ADD COLUMN origin text;

CREATE TABLE treadle.schedules (
    id                             uuid PRIMARY KEY,
    tenant_id                      uuid NOT NULL REFERENCES treadle.tenants,
    project_id                     uuid NOT NULL,
    face                           text NOT NULL CHECK (face IN ('schedules', 'remote_jobs',
                                       'job_config')),      -- the contract that made it
    version                        int NOT NULL CHECK (version > 0),

    -- What callers say
    name                           text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    description                    text,
    customer_id                    uuid,
    external_id                    text,
    tags                           text[] NOT NULL,
    schedule_type                  text NOT NULL CHECK (schedule_type IN ('cron', 'interval',
                                       'once', 'relative')),
    schedule_expression            text,
    crons                          text[] NOT NULL,         -- several: due at the union of them
    timezone                       text NOT NULL,
    start_at                       timestamptz,
    end_at                         timestamptz,
    calendars                      jsonb NOT NULL,
    action_type                    text NOT NULL,
    action_config                  jsonb NOT NULL,
    action_secret                  bytea,                   -- sealed
    overlap_policy                 text NOT NULL,
    catchup_window_minutes         int NOT NULL CHECK (catchup_window_minutes BETWEEN 0 AND 1440),
    catchup_policy                 text NOT NULL CHECK (catchup_policy IN ('all', 'latest', 'none')),
    flexible_window_minutes        int NOT NULL CHECK (flexible_window_minutes BETWEEN 0 AND 60),
    rate_limit_per_minute          int CHECK (rate_limit_per_minute > 0),
    max_retries                    int NOT NULL CHECK (max_retries BETWEEN 0 AND 10),
    retry_backoff_seconds          int NOT NULL CHECK (retry_backoff_seconds >= 0),
    pause_on_failure_count         int NOT NULL CHECK (pause_on_failure_count BETWEEN 1 AND 100),
    action_after_completion        text NOT NULL CHECK (action_after_completion IN ('NONE',
                                       'DELETE')),
    deduplication_key              text,
    deduplication_hash             bytea,                   -- of the body that came with the key
    relative_entity_definition_id  uuid,
    relative_field_name            text,
    relative_filter                jsonb,
    relative_offset_days           int,

    -- Where it stands. Due times up to `decided_until` have their firings; `cursor_record_id` is the
    -- last record taken of the due time after it. `tick_at` is when there is something to decide.
    status                         text NOT NULL CHECK (status IN ('active', 'paused',
                                       'completed')),
    paused_at                      timestamptz,
    paused_until                   timestamptz,
    paused_reason                  text,
    decided_until                  timestamptz NOT NULL,
    cursor_record_id               uuid,
    next_run_at                    timestamptz,
    tick_at                        timestamptz,
    failures                       int NOT NULL DEFAULT 0,
    recent_starts                  jsonb NOT NULL DEFAULT '[]',
    run_count                      bigint NOT NULL DEFAULT 0,
    last_run_at                    timestamptz,
    last_run_status                text,
    last_firing_id                 uuid,

    job_id                         bigint,                  -- of the action, to list a job's
    created_at                     timestamptz NOT NULL,
    created_by                     text NOT NULL,
    updated_at                     timestamptz NOT NULL,
    updated_by                     text NOT NULL,
    deleted_at                     timestamptz,

    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, project_id) REFERENCES treadle.projects (tenant_id, id),
    FOREIGN KEY (tenant_id, job_id) REFERENCES treadle.jobs (tenant_id, id),
    CHECK ((status = 'paused') = (paused_at IS NOT NULL)),
    CHECK ((deduplication_key IS NULL) = (deduplication_hash IS NULL))
);
CREATE INDEX schedules_due ON treadle.schedules (tick_at) WHERE tick_at IS NOT NULL;   -- the tick
CREATE INDEX schedules_live ON treadle.schedules (tenant_id, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX schedules_of_project ON treadle.schedules (tenant_id, project_id, id DESC)
    WHERE deleted_at IS NULL;
CREATE INDEX schedules_of_customer ON treadle.schedules (tenant_id, customer_id, id DESC)
    WHERE deleted_at IS NULL AND customer_id IS NOT NULL;
CREATE INDEX schedules_external ON treadle.schedules (tenant_id, external_id, id DESC)
    WHERE deleted_at IS NULL AND external_id IS NOT NULL;
CREATE INDEX schedules_of_job ON treadle.schedules (tenant_id, job_id, id)
    WHERE deleted_at IS NULL AND job_id IS NOT NULL;
CREATE INDEX schedules_relative ON treadle.schedules (tenant_id, relative_entity_definition_id)
    WHERE deleted_at IS NULL AND relative_entity_definition_id IS NOT NULL;
CREATE UNIQUE INDEX schedules_deduplication ON treadle.schedules (tenant_id, deduplication_key)
    WHERE deleted_at IS NULL AND deduplication_key IS NOT NULL;
CREATE UNIQUE INDEX schedules_name_of_remote_job ON treadle.schedules (tenant_id, job_id, name)
    WHERE deleted_at IS NULL AND face = 'remote_jobs';
CREATE UNIQUE INDEX schedules_one_of_config ON treadle.schedules (tenant_id, job_id)
    WHERE deleted_at IS NULL AND face = 'job_config';

-- What callers said, each time they said something else: firings name the version that decided.
CREATE TABLE treadle.schedule_versions (
    id             uuid PRIMARY KEY,
    tenant_id      uuid NOT NULL REFERENCES treadle.tenants,
    schedule_id    uuid NOT NULL,
    version        int NOT NULL CHECK (version > 0),
    definition     jsonb NOT NULL,
    action_secret  bytea,
    created_at     timestamptz NOT NULL,
    created_by     text NOT NULL,
    UNIQUE (tenant_id, schedule_id, version),
    FOREIGN KEY (tenant_id, schedule_id) REFERENCES treadle.schedules (tenant_id, id)
);

-- One row for every due time (and record, of a relative schedule), for every start that somebody
-- asked for, and one for all due times of a pause (then `span_until` and `span_count` are set).
-- `phase` says what an open firing waits for; NULL: it is over.
CREATE TABLE treadle.firings (
    id                uuid PRIMARY KEY,
    tenant_id         uuid NOT NULL REFERENCES treadle.tenants,
    project_id        uuid NOT NULL,
    schedule_id       uuid NOT NULL,
    schedule_version  int NOT NULL,
    scheduled_for     timestamptz NOT NULL,
    span_until        timestamptz,
    span_count        int,
    record_id         uuid,
    record            jsonb,
    trigger           text NOT NULL CHECK (trigger IN ('schedule', 'manual', 'catchup',
                          'backfill')),
    status            text NOT NULL CHECK (status IN ('pending', 'running', 'succeeded', 'failed',
                          'skipped', 'missed', 'coalesced', 'cancelled')),
    reason            text NOT NULL,
    phase             text CHECK (phase IN ('delayed', 'buffered', 'queued', 'running',
                          'retrying')),
    place             bigint NOT NULL DEFAULT 0,            -- among those in its phase: first come
    not_before        timestamptz,
    overlap_policy    text,
    ending            text CHECK (ending IN ('cancel', 'terminate')),
    attempt           int NOT NULL DEFAULT 0,
    target_type       text,
    target_id         uuid,
    started_at        timestamptz,
    finished_at       timestamptz,
    lateness_ms       bigint,
    error             text,
    result            jsonb,
    created_at        timestamptz NOT NULL,
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, schedule_id) REFERENCES treadle.schedules (tenant_id, id),
    CHECK ((phase IS NULL) = (finished_at IS NOT NULL)),
    CHECK ((phase IS NULL) = (status NOT IN ('pending', 'running'))),
    CHECK ((span_until IS NULL) = (span_count IS NULL))
);
CREATE UNIQUE INDEX firings_once ON treadle.firings
    (tenant_id, schedule_id, scheduled_for, record_id) NULLS NOT DISTINCT
    WHERE trigger <> 'manual' AND span_until IS NULL;
CREATE INDEX firings_of_schedule ON treadle.firings
    (tenant_id, schedule_id, scheduled_for DESC, id DESC);
CREATE INDEX firings_open ON treadle.firings (tenant_id, schedule_id, place)
    WHERE phase IS NOT NULL;
CREATE INDEX firings_recent ON treadle.firings (tenant_id, scheduled_for, id);  -- occurrences
CREATE INDEX firings_finished ON treadle.firings (finished_at) WHERE finished_at IS NOT NULL;

-- Attempts that are over, until the next tick of their schedule takes note. Only inserted into by
-- those who end them: nobody who ends a run waits for the schedule's row.
CREATE TABLE treadle.firing_ends (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id    uuid NOT NULL REFERENCES treadle.tenants,
    schedule_id  uuid NOT NULL,
    firing_id    uuid NOT NULL,
    attempt      int NOT NULL,
    status       text NOT NULL CHECK (status IN ('succeeded', 'failed', 'cancelled')),
    error        text NOT NULL,
    result       jsonb,
    final        boolean NOT NULL,
    ended_at     timestamptz NOT NULL
);
CREATE INDEX firing_ends_schedule ON treadle.firing_ends (tenant_id, schedule_id, id);

-- Records that were given a date after their schedules had looked at it, until the next tick looks
-- again. Only inserted into by those who write records: they wait for no schedule's row.
CREATE TABLE treadle.relative_rechecks (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id    uuid NOT NULL REFERENCES treadle.tenants,
    schedule_id  uuid NOT NULL,
    record_id    uuid NOT NULL
);
CREATE INDEX relative_rechecks_schedule ON treadle.relative_rechecks (tenant_id, schedule_id, id);

-- ---------------------------------------------------------------- the walls

GRANT SELECT, INSERT, UPDATE, DELETE ON treadle.schedules, treadle.schedule_versions,
    treadle.firings, treadle.firing_ends, treadle.relative_rechecks TO treadle_tenant, treadle_system;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['schedules', 'schedule_versions', 'firings', 'firing_ends',
                              'relative_rechecks']
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
