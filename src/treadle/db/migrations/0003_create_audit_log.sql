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

-- That a key has expired is told once, like that it is about to.
ALTER TABLE treadle.api_keys ADD COLUMN expiry_recorded_at timestamptz;
CREATE INDEX api_keys_expired ON treadle.api_keys (expires_at)                -- record_expired
    WHERE expiry_recorded_at IS NULL;

-- Letters that are to be sent, and those that could not be. One that was sent is gone.
CREATE TABLE treadle.letters (
    id          uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL REFERENCES treadle.tenants,
    to_address  text NOT NULL CHECK (to_address <> ''),
    subject     text NOT NULL,
    sealed      bytea NOT NULL,                    -- the text: it may hold a link that lets in
    created_at  timestamptz NOT NULL,
    due_at      timestamptz NOT NULL,              -- moved before an attempt: nobody else takes it
    attempts    int NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    fault       text,                              -- why the last attempt came to nothing
    failed_at   timestamptz,                       -- given up
    UNIQUE (tenant_id, id),
    CHECK (failed_at IS NULL OR fault IS NOT NULL)
);
CREATE INDEX letters_due ON treadle.letters (due_at) WHERE failed_at IS NULL;      -- claim

-- Who was asked by mail to come in, and as what. Only the hash of the link's token is stored.
CREATE TABLE treadle.invitations (
    id           uuid PRIMARY KEY,
    tenant_id    uuid NOT NULL REFERENCES treadle.tenants,
    email        text NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
    role         text NOT NULL,
    project_id   uuid,                             -- null: a role in the whole tenant
    token_hash   bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    letter_id    uuid NOT NULL,                    -- no foreign key: gone when it was sent
    invited_by   text NOT NULL,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL CHECK (expires_at > created_at),
    accepted_at  timestamptz,                      -- the token works once
    accepted_by  bigint,
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, project_id) REFERENCES treadle.projects (tenant_id, id)
        ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, accepted_by) REFERENCES treadle.users (tenant_id, id)
        ON DELETE CASCADE,
    CHECK ((accepted_at IS NULL) = (accepted_by IS NULL)),
    CHECK (role IN ('Administrator', 'Project Creator', 'Consumer') AND project_id IS NULL
        OR role IN ('Owner', 'Contributor', 'Manager', 'Member') AND project_id IS NOT NULL)
);
CREATE INDEX invitations_place ON treadle.invitations (tenant_id, project_id, id);    -- lists
CREATE INDEX invitations_accepted_by ON treadle.invitations (tenant_id, accepted_by)  -- cascade
    WHERE accepted_by IS NOT NULL;
CREATE INDEX invitations_expiry ON treadle.invitations (expires_at);                  -- prune

-- ---------------------------------------------------------------- the walls

-- What the roles' own passwords are made of (treadle.db.role_secret) is none of theirs. The table is
-- older than all migrations, and the first of those gave the roles everything that there was.
REVOKE ALL ON treadle.role_secret FROM treadle_tenant, treadle_system;

-- Nobody but the owner changes or deletes an entry, and only the trigger gives places.
GRANT SELECT ON treadle.audit_log, treadle.audit_heads TO treadle_tenant, treadle_system;
GRANT INSERT (id, tenant_id, at, actor, action, target, outcome, address, credential, request_id,
              times, before, after, digest)
    ON treadle.audit_log TO treadle_tenant, treadle_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON treadle.letters, treadle.invitations
    TO treadle_tenant, treadle_system;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['audit_log', 'audit_heads', 'letters', 'invitations']
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
