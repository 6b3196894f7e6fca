-- API keys: who may come in without a password, from where, and until when.

-- Every client id that was ever issued. A row is never changed or deleted, not even when its key
-- is: a deleted client id can never come back.
CREATE TABLE treadle.client_ids (
    client_id  uuid PRIMARY KEY,
    tenant_id  uuid NOT NULL REFERENCES treadle.tenants,
    issued_at  timestamptz NOT NULL,
    UNIQUE (tenant_id, client_id)
);

-- Secrets are numbered as they are rotated. The one before the last may live on for a while.
CREATE TABLE treadle.api_keys (
    client_id            uuid PRIMARY KEY,
    tenant_id            uuid NOT NULL REFERENCES treadle.tenants,
    description          text NOT NULL CHECK (length(description) BETWEEN 1 AND 500),
    expires_at           timestamptz NOT NULL,
    secret_number        int NOT NULL DEFAULT 1 CHECK (secret_number > 0),
    secret_hash          bytea NOT NULL CHECK (length(secret_hash) = 32),
    old_secret_hash      bytea CHECK (length(old_secret_hash) = 32),
    old_secret_until     timestamptz,
    created_at           timestamptz NOT NULL,
    created_by           text NOT NULL,
    last_modified_at     timestamptz NOT NULL,
    last_modified_by     text NOT NULL,
    last_used_at         timestamptz,
    last_used_from       text,
    expiry_announced_at  timestamptz,              -- for this expires_at; a new one is news again
    FOREIGN KEY (tenant_id, client_id) REFERENCES treadle.client_ids (tenant_id, client_id),
    UNIQUE (tenant_id, client_id),
    CHECK ((old_secret_hash IS NULL) = (old_secret_until IS NULL)),
    CHECK ((last_used_at IS NULL) = (last_used_from IS NULL))
);
CREATE INDEX api_keys_expiring ON treadle.api_keys (expires_at)               -- announce
    WHERE expiry_announced_at IS NULL;

-- From where a key may be used; a key without a row here, from anywhere.
CREATE TABLE treadle.firewall_rules (
    tenant_id   uuid NOT NULL REFERENCES treadle.tenants,
    client_id   uuid NOT NULL,
    position    int NOT NULL CHECK (position >= 0),
    rule_name   text NOT NULL CHECK (length(rule_name) BETWEEN 1 AND 100),
    start_ipv4  inet NOT NULL CHECK (family(start_ipv4) = 4 AND masklen(start_ipv4) = 32),
    end_ipv4    inet NOT NULL CHECK (family(end_ipv4) = 4 AND masklen(end_ipv4) = 32),
    PRIMARY KEY (client_id, position),
    FOREIGN KEY (tenant_id, client_id) REFERENCES treadle.api_keys (tenant_id, client_id)
        ON DELETE CASCADE,
    UNIQUE (client_id, rule_name),
    CHECK (start_ipv4 <= end_ipv4)
);

-- Access tokens that keys were given. Only the SHA-256 is stored. A token belongs to the secret
-- that it was asked for with, and lives no longer than that.
CREATE TABLE treadle.client_tokens (
    token_hash     bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    tenant_id      uuid NOT NULL REFERENCES treadle.tenants,
    client_id      uuid NOT NULL,
    secret_number  int NOT NULL CHECK (secret_number > 0),
    expires_at     timestamptz NOT NULL,
    FOREIGN KEY (tenant_id, client_id) REFERENCES treadle.api_keys (tenant_id, client_id)
        ON DELETE CASCADE
);
CREATE INDEX client_tokens_key ON treadle.client_tokens (tenant_id, client_id);  -- cascade
CREATE INDEX client_tokens_expiry ON treadle.client_tokens (expires_at);         -- prune

-- ---------------------------------------------------------------- the walls

GRANT SELECT, INSERT ON treadle.client_ids TO treadle_tenant, treadle_system;
GRANT SELECT, INSERT, UPDATE, DELETE ON treadle.api_keys, treadle.firewall_rules
    TO treadle_tenant, treadle_system;
GRANT SELECT ON treadle.client_tokens TO treadle_tenant;
GRANT SELECT, INSERT, UPDATE, DELETE ON treadle.client_tokens TO treadle_system;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['client_ids', 'api_keys', 'firewall_rules', 'client_tokens']
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
