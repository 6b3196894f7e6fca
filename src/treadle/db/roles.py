"""The roles that Treadle connects as. None of them owns a table or can bypass row-level security.

    treadle_tenant   group: the application; sees the rows of the tenant that its transaction names
    treadle_system   group: engine loops and authentication; policies give it all rows
    <prefix>_tenant  logs in, member of treadle_tenant
    <prefix>_system  logs in, member of treadle_system

The groups are of the whole server, because policies and grants name them; who logs in is of one
database. The passwords follow from the installation's secret (`treadle.db.role_secret`), so that
each of its processes knows them and none is stored.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

import asyncpg

from treadle.db.errors import RoleSetupError

TENANT_GROUP = "treadle_tenant"
SYSTEM_GROUP = "treadle_system"

OLDEST_SERVER = 15
"""PostgreSQL's oldest major version with all that our schema uses."""

SCRAM_ITERATIONS = 4096
LONGEST_NAME = 63
"""Bytes of an identifier that PostgreSQL keeps."""


@dataclass(frozen=True, slots=True)
class Login:
    """A role that logs in."""

    user: str
    password: str = field(repr=False)

    def url(self, owner_url: str) -> str:
        """`owner_url` for this role: same host, database and options, other user and password."""
        parts = urlsplit(owner_url)
        host = parts.netloc.rpartition("@")[2]
        options = [
            (name, value)
            for name, value in parse_qsl(parts.query, keep_blank_values=True)
            if name not in {"user", "password", "passfile"}
        ]
        who = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        query = urlencode(options, quote_via=quote, safe="/")
        return urlunsplit(parts._replace(netloc=f"{who}@{host}", query=query))


@dataclass(frozen=True, slots=True)
class RoleCredentials:
    """The two roles of one database."""

    tenant: Login
    system: Login


def role_prefix(database: str) -> str:
    """How the login roles of `database` begin; long names are shortened and stay distinct."""
    name = f"treadle_{database}"
    longest = LONGEST_NAME - len("_tenant")
    if len(name.encode()) <= longest:
        return name
    digest = hashlib.sha256(database.encode()).hexdigest()[:12]
    return f"{name.encode()[: longest - 13].decode(errors='ignore')}_{digest}"


def database_name(url: str) -> str:
    """The database that `url` names. Raises RoleSetupError when it leaves that to the driver."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    name = unquote(parts.path.removeprefix("/")) or options.get("dbname", "")
    if not name:
        raise RoleSetupError("the database URL must name its database: postgresql://…/<database>")
    return name


def role_credentials(*, prefix: str, secret: bytes) -> RoleCredentials:
    """What every process of the installation with this secret logs in with."""
    return RoleCredentials(
        tenant=_login(f"{prefix}_tenant", secret), system=_login(f"{prefix}_system", secret)
    )


async def ensure_roles(
    connection: asyncpg.Connection, *, prefix: str, secret: bytes
) -> RoleCredentials:
    """Makes the groups and the login roles with their passwords; nothing else of them changes.

    Several processes may do it at once. `connection` is the owner's. Raises RoleSetupError.
    """
    major = connection.get_server_version().major
    if major < OLDEST_SERVER:
        raise RoleSetupError(
            f"the server is PostgreSQL {major}, Treadle needs {OLDEST_SERVER} or newer"
        )
    credentials = role_credentials(prefix=prefix, secret=secret)
    async with connection.transaction():
        # Held to the end: two sessions that alter one role at once fail instead of waiting.
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('treadle.roles'))")
        try:
            for group in (TENANT_GROUP, SYSTEM_GROUP):
                await _create_role(connection, group, "NOLOGIN")
            for login, group in (
                (credentials.tenant, TENANT_GROUP),
                (credentials.system, SYSTEM_GROUP),
            ):
                await _create_role(connection, login.user, "LOGIN")
                await _set_password(connection, login)
                await _join(connection, login.user, group)
        except asyncpg.InsufficientPrivilegeError as error:
            owner = await connection.fetchval("SELECT current_user")
            raise RoleSetupError(
                f"the database user {owner} may not make or alter Treadle's roles "
                f"({error}); as an administrator run `ALTER ROLE {owner} CREATEROLE`, and "
                f"grant it {TENANT_GROUP} and {SYSTEM_GROUP} WITH ADMIN OPTION if another made them"
            ) from error
        await _refuse_power(connection, credentials)
    return credentials


def _login(user: str, secret: bytes) -> Login:
    message = f"treadle database role {user}".encode()
    return Login(user=user, password=hmac.new(secret, message, hashlib.sha256).hexdigest())


async def _create_role(connection: asyncpg.Connection, role: str, kind: str) -> None:
    if await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
        return
    try:
        async with connection.transaction():
            await connection.execute(f"CREATE ROLE {_quoted(role)} {kind} INHERIT")
    except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
        # The lock holds within one database; a process that sets up another was quicker.
        return


async def _set_password(connection: asyncpg.Connection, login: Login) -> None:
    # The server gets what it would store anyway: its log never shows a password.
    verifier = scram_verifier(login.password, salt=secrets.token_bytes(16))
    await connection.execute(f"ALTER ROLE {_quoted(login.user)} PASSWORD '{verifier}'")


async def _join(connection: asyncpg.Connection, user: str, group: str) -> None:
    is_member = await connection.fetchval(
        "SELECT 1 FROM pg_auth_members WHERE roleid = $1::regrole AND member = $2::regrole",
        _quoted(group),
        _quoted(user),
    )
    if not is_member:
        await connection.execute(f"GRANT {_quoted(group)} TO {_quoted(user)}")


async def _refuse_power(connection: asyncpg.Connection, credentials: RoleCredentials) -> None:
    """A role that somebody made more powerful would see through the walls between tenants."""
    names = [TENANT_GROUP, SYSTEM_GROUP, credentials.tenant.user, credentials.system.user]
    powerful = await connection.fetchval(
        """
        SELECT string_agg(DISTINCT role.rolname, ', ')
        FROM pg_roles role
        WHERE role.rolname = ANY($1) AND EXISTS (
            SELECT FROM pg_roles power
            WHERE (power.rolsuper OR power.rolbypassrls)
              AND pg_has_role(role.oid, power.oid, 'MEMBER'))
        """,
        names,
    )
    if powerful:
        raise RoleSetupError(
            f"the roles {powerful} can bypass row-level security, which keeps tenants apart; run "
            "`ALTER ROLE … NOSUPERUSER NOBYPASSRLS` and revoke what they are members of"
        )


def scram_verifier(password: str, *, salt: bytes) -> str:
    """What PostgreSQL stores of a password of plain ASCII (RFC 5802, SCRAM-SHA-256)."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, SCRAM_ITERATIONS)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    stored_key = hashlib.sha256(client_key).digest()

    def base64_of(data: bytes) -> str:
        return base64.b64encode(data).decode()

    return (
        f"SCRAM-SHA-256${SCRAM_ITERATIONS}:{base64_of(salt)}"
        f"${base64_of(stored_key)}:{base64_of(server_key)}"
    )


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'
