-- What schedules look at besides the clock: records with dates.

-- ---------------------------------------------------------------- entities

-- A kind of record: what its data must look like. The schema checks what is written from then on.
CREATE TABLE treadle.entity_definitions (
    id           uuid PRIMARY KEY,
    tenant_id    uuid NOT NULL REFERENCES treadle.tenants,
    project_id   uuid NOT NULL,
    name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    description  text NOT NULL DEFAULT '',
    data_schema  json NOT NULL,                    -- JSON Schema 2020-12
    created_at   timestamptz NOT NULL,
    created_by   text NOT NULL,                    -- a principal: user:1, api_key:<client id>
    updated_at   timestamptz NOT NULL,
    updated_by   text NOT NULL,
    FOREIGN KEY (tenant_id, project_id) REFERENCES treadle.projects (tenant_id, id),
    UNIQUE (tenant_id, project_id, name),
    UNIQUE (tenant_id, id)
);

-- Which fields of the data are dates.
CREATE TABLE treadle.entity_date_fields (
    tenant_id      uuid NOT NULL REFERENCES treadle.tenants,
    definition_id  uuid NOT NULL,
    field          text NOT NULL CHECK (length(field) BETWEEN 1 AND 200),
    position       int NOT NULL CHECK (position >= 0),
    PRIMARY KEY (tenant_id, definition_id, field),
    FOREIGN KEY (tenant_id, definition_id) REFERENCES treadle.entity_definitions (tenant_id, id)
        ON DELETE CASCADE
);

-- Who counts on a date field (a relative schedule): the field and its definition stay meanwhile.
CREATE TABLE treadle.entity_field_uses (
    tenant_id      uuid NOT NULL REFERENCES treadle.tenants,
    used_by        uuid NOT NULL,
    definition_id  uuid NOT NULL,
    field          text NOT NULL,
    PRIMARY KEY (tenant_id, used_by),
    FOREIGN KEY (tenant_id, definition_id, field)
        REFERENCES treadle.entity_date_fields (tenant_id, definition_id, field)
);
CREATE INDEX entity_field_uses_field ON treadle.entity_field_uses     -- who counts on it
    (tenant_id, definition_id, field);

-- The data is json, not jsonb: it is read back as it was sent, and nothing asks inside it.
CREATE TABLE treadle.entity_records (
    id             uuid PRIMARY KEY,
    tenant_id      uuid NOT NULL REFERENCES treadle.tenants,
    definition_id  uuid NOT NULL,
    external_id    text NOT NULL CHECK (length(external_id) BETWEEN 1 AND 200),
    data           json NOT NULL,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    FOREIGN KEY (tenant_id, definition_id) REFERENCES treadle.entity_definitions (tenant_id, id)
        ON DELETE CASCADE,
    UNIQUE (tenant_id, definition_id, external_id),
    UNIQUE (tenant_id, id)
);
CREATE INDEX entity_records_of_definition ON treadle.entity_records     -- lists
    (tenant_id, definition_id, id);

-- The dates of records, written with them: what is asked for by day is found without a look at the
-- records. A date has a day. A date-time with an offset has its instant, and the day in UTC: in
-- which day of a schedule's zone it lies is the reader's question.
CREATE TABLE treadle.entity_dates (
    tenant_id      uuid NOT NULL REFERENCES treadle.tenants,
    definition_id  uuid NOT NULL,
    field          text NOT NULL,
    day            date NOT NULL,
    at             timestamptz,
    timed          boolean NOT NULL GENERATED ALWAYS AS (at IS NOT NULL) STORED,
    record_id      uuid NOT NULL,
    PRIMARY KEY (tenant_id, record_id, field),
    FOREIGN KEY (tenant_id, record_id) REFERENCES treadle.entity_records (tenant_id, id)
        ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, definition_id, field)
        REFERENCES treadle.entity_date_fields (tenant_id, definition_id, field) ON DELETE CASCADE,
    CHECK (at IS NULL OR day = (at AT TIME ZONE 'UTC')::date)
);
-- Due records, page by page: those whose date is this day, and those whose instant lies in it.
CREATE INDEX entity_dates_due ON treadle.entity_dates
    (tenant_id, definition_id, field, timed, day, record_id);

-- ---------------------------------------------------------------- calendars

-- Days that a tenant's schedules name: holidays, weekends, the last days of quarters.
CREATE TABLE treadle.calendars (
    id            uuid PRIMARY KEY,
    tenant_id     uuid NOT NULL REFERENCES treadle.tenants,
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    description   text NOT NULL DEFAULT '',
    dates         date[] NOT NULL,
    weekly_days   int[] NOT NULL CHECK (weekly_days <@ ARRAY[0, 1, 2, 3, 4, 5, 6]),  -- 0 is Sunday
    yearly_dates  text[] NOT NULL,                 -- 12-25
    created_at    timestamptz NOT NULL,
    created_by    text NOT NULL,
    updated_at    timestamptz NOT NULL,
    updated_by    text NOT NULL,
    UNIQUE (tenant_id, name),
    UNIQUE (tenant_id, id)
);

-- Which live schedules use a calendar: it stays meanwhile.
CREATE TABLE treadle.schedule_calendars (
    tenant_id    uuid NOT NULL REFERENCES treadle.tenants,
    schedule_id  uuid NOT NULL,
    calendar_id  uuid NOT NULL,
    PRIMARY KEY (tenant_id, schedule_id, calendar_id),
    FOREIGN KEY (tenant_id, schedule_id) REFERENCES treadle.schedules (tenant_id, id),
    FOREIGN KEY (tenant_id, calendar_id) REFERENCES treadle.calendars (tenant_id, id)
);
CREATE INDEX schedule_calendars_calendar ON treadle.schedule_calendars     -- who uses it
    (tenant_id, calendar_id, schedule_id);

-- Stretches of time in which the schedules that are meant do not start, or start late. Either from
-- start_at to end_at, or again and again: then these two bound the beginnings, if they are there.
CREATE TABLE treadle.maintenance_windows (
    id                   uuid PRIMARY KEY,
    tenant_id            uuid NOT NULL REFERENCES treadle.tenants,
    project_id           uuid,                     -- none: of the whole tenant
    name                 text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    reason               text NOT NULL,
    policy               text NOT NULL CHECK (policy IN ('skip', 'delay')),
    tags                 text[] NOT NULL,
    timezone             text NOT NULL,
    start_at             timestamptz,
    end_at               timestamptz,
    schedule_expression  text,
    duration_minutes     int CHECK (duration_minutes > 0),
    created_at           timestamptz NOT NULL,
    created_by           text NOT NULL,
    updated_at           timestamptz NOT NULL,
    updated_by           text NOT NULL,
    FOREIGN KEY (tenant_id, project_id) REFERENCES treadle.projects (tenant_id, id),
    UNIQUE NULLS NOT DISTINCT (tenant_id, project_id, name),
    UNIQUE (tenant_id, id),
    CHECK (start_at <= end_at),
    CHECK ((schedule_expression IS NULL) = (duration_minutes IS NULL)),
    CHECK (schedule_expression IS NOT NULL OR (start_at IS NOT NULL AND end_at IS NOT NULL))
);

-- ---------------------------------------------------------------- the walls

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['entity_definitions', 'entity_date_fields', 'entity_field_uses',
                                'entity_records', 'entity_dates', 'calendars',
                                'schedule_calendars', 'maintenance_windows']
    LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON treadle.%I '
                       'TO treadle_tenant, treadle_system', name);
        EXECUTE format('ALTER TABLE treadle.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY own ON treadle.%I TO treadle_tenant '
                       'USING (tenant_id = treadle.current_tenant()) '
                       'WITH CHECK (tenant_id = treadle.current_tenant())', name);
        EXECUTE format('CREATE POLICY engine ON treadle.%I TO treadle_system '
                       'USING (true) WITH CHECK (true)', name);
    END LOOP;
END
$$;
