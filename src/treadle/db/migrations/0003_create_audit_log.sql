-- The audit log: who did what, and what was refused. Entries are added and read, never changed.

-- Entries without a tenant of their own (a caller whom nobody knows) are the installation's: their
-- tenant is the UUID of zeros, which no tenant has. So there is no foreign key; besides, a log must
-- not go with what it tells about.
CREATE TABLE treadle.audit_log (
    id          uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL,
    at          timestamptz NOT NULL,
    actor       text NOT NULL,                     -- user:1, api_key:<client id>, operator, anonymous
    action      text NOT NULL CHECK (length(action) BETWEEN 1 AND 200),
    target      text NOT NULL,
    outcome     text NOT NULL CHECK (outcome IN ('allowed', 'refused')),
    address     text NOT NULL,
    credential  text NOT NULL,
    request_id  text NOT NULL,
    times       int NOT NULL CHECK (times > 0),    -- alike refusals of a moment are one entry
    before      jsonb,
    after       jsonb,
    digest      bytea NOT NULL CHECK (length(digest) = 32),    -- SHA-256 of the columns above
    number      bigint CHECK (number > 0),         -- the place in the tenant's chain
    hash        bytea CHECK (length(hash) = 32),
    UNIQUE (tenant_id, number)                     -- lists, the newest first; verifying
);
CREATE INDEX audit_log_actor ON treadle.audit_log (tenant_id, actor, number);      -- filters
CREATE INDEX audit_log_target ON treadle.audit_log (tenant_id, target, number);
CREATE INDEX audit_log_time ON treadle.audit_log (tenant_id, at);

-- Where each tenant's chain ends: what was cut off there is missed.
CREATE TABLE treadle.audit_heads (
    tenant_id  uuid PRIMARY KEY,
    number     bigint NOT NULL CHECK (number > 0),
    hash       bytea NOT NULL CHECK (length(hash) = 32)
);

-- Gives an entry its place: hash = SHA-256(hash before || number || digest). It runs while the
-- transaction commits, so the lock on the tenant's head is held for no longer than a commit, it is
-- taken after all others (no deadlock), and the order of the chain is the order of commits.
CREATE FUNCTION treadle.chain_audit_entry() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
    DECLARE
        head treadle.audit_heads;
    BEGIN
        INSERT INTO treadle.audit_heads AS h (tenant_id, number, hash)
        VALUES (NEW.tenant_id, 1,
                sha256(decode(repeat('00', 32), 'hex') || int8send(1) || NEW.digest))
        ON CONFLICT (tenant_id) DO UPDATE
            SET number = h.number + 1,
                hash = sha256(h.hash || int8send(h.number + 1) || NEW.digest)
        RETURNING * INTO head;
        UPDATE treadle.audit_log SET number = head.number, hash = head.hash WHERE id = NEW.id;
        RETURN NULL;
    END
    $$;

CREATE CONSTRAINT TRIGGER chain AFTER INSERT ON treadle.audit_log
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION treadle.chain_audit_entry();

-- ---------------------------------------------------------------- the walls

-- Nobody but the owner changes or deletes an entry, and only the trigger gives places.
GRANT SELECT ON treadle.audit_log, treadle.audit_heads TO treadle_tenant, treadle_system;
GRANT INSERT (id, tenant_id, at, actor, action, target, outcome, address, credential, request_id,
              times, before, after, digest)
    ON treadle.audit_log TO treadle_tenant, treadle_system;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['audit_log', 'audit_heads']
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
