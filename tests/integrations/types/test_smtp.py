"""SMTP integrations against a real mail server."""

from __future__ import annotations

import asyncio
import email
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from pydantic import ValidationError

from fixtures.certificates import Certificate, make_certificate
from fixtures.integrations import NOW, opened
from treadle.core.sealing import Sealer
from treadle.integrations.addresses import Allowed
from treadle.integrations.calls import notify, try_out
from treadle.integrations.context import IntegrationsContext
from treadle.integrations.errors import OutboundRefused, Rejected, Timeout
from treadle.integrations.model import OpenIntegration
from treadle.integrations.outbound import Outbound
from treadle.integrations.types.smtp import Attachment, SmtpConfig, send

PASSWORD = "s3cret-of-the-mail"
HOST = "127.0.0.1"


class Mailbox:
    """What the server has taken, and how it takes it."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], EmailMessage]] = []
        self.helos: list[str] = []

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's word
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, replies: list[str]
    ) -> list[str]:
        self.helos.append(hostname)
        session.host_name = hostname
        return replies

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's word
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("nobody"):
            return f"550 no such user, password {PASSWORD}"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's word
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        message = email.message_from_bytes(content, policy=default)
        assert isinstance(message, EmailMessage)
        self.mails.append((envelope.rcpt_tos, message))
        return "250 taken"


def authenticate(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
) -> AuthResult:
    """Lets one user in."""
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (
        b"treadle",
        PASSWORD.encode(),
    )
    return AuthResult(success=good, handled=False)


@asynccontextmanager
async def mail_server(
    mailbox: Mailbox, *, tls: ssl.SSLContext | None = None, **options: Any
) -> AsyncGenerator[int]:
    """A mail server, under TLS from the first byte if so; its port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(mailbox, hostname=HOST, loop=loop, **options), HOST, 0, ssl=tls
    )
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return make_certificate(tmp_path, HOST)


@asynccontextmanager
async def trusting(client: ssl.SSLContext) -> AsyncGenerator[IntegrationsContext]:
    outbound = Outbound(Allowed.parse([HOST]), ssl_context=client)
    yield IntegrationsContext(Sealer([b"the master key of all the tests, quite long"]), outbound)
    await outbound.close()


def account(port: int, **changes: Any) -> OpenIntegration[Any, Any]:
    config = {"host": HOST, "port": port, "from_address": "Treadle <robot@treadle.example>"}
    secrets = {"password": PASSWORD} if "username" in changes else {}
    return opened("smtp", config | changes, secrets)


async def test_a_mail_arrives_as_it_was_meant(calls: IntegrationsContext) -> None:
    mailbox = Mailbox()
    async with mail_server(mailbox) as port:
        conn = account(port, tls="none")
        message_id = await send(
            calls,
            conn,
            to=["ann@example.com", "Bob Ärger <bob@example.com>"],
            subject="Grüße\r\nBcc: eve@example.com",
            text="Zeile 1\n.\nZeile 3: ü",
            attachments=[Attachment("bericht\n.csv", b"a;b\n", "text/csv")],
            now=NOW,
        )

    ((recipients, mail),) = mailbox.mails
    assert recipients == ["ann@example.com", "bob@example.com"]
    assert mail["Subject"] == "Grüße Bcc: eve@example.com"
    assert mail["Bcc"] is None
    assert mail["From"] == "Treadle <robot@treadle.example>"
    assert mail["Message-ID"] == message_id
    assert "21 Nov 2026 09:00:00 +0000" in mail["Date"]
    body = mail.get_body()
    assert body is not None
    assert body.get_content().splitlines() == ["Zeile 1", ".", "Zeile 3: ü"]
    (attached,) = mail.iter_attachments()
    assert attached.get_filename() == "bericht .csv"
    assert mailbox.helos == ["treadle.example"]  # not the name of this machine


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_a_login_goes_under_tls(certificate: Certificate, tls: str) -> None:
    mailbox = Mailbox()
    options: dict[str, Any] = {"authenticator": authenticate}
    if tls == "starttls":
        options |= {"tls_context": certificate.server, "auth_required": True}
    else:
        options |= {"tls": certificate.server, "auth_require_tls": False}
    async with mail_server(mailbox, **options) as port:
        conn = account(port, tls=tls, username="treadle")
        async with trusting(certificate.client) as context:
            await notify(context, conn, to=["a@b.example"], subject="x", message="y", now=NOW)
            tried = await try_out(context, conn, now=NOW)
            assert tried.ok, tried
            wrong = await try_out(context, account(port, tls=tls, username="eve"), now=NOW)
            assert (wrong.ok, wrong.error) == (False, "Smtp.535")
        async with trusting(ssl.create_default_context()) as context:
            untrusted = await try_out(context, conn, now=NOW)
            assert (untrusted.ok, untrusted.error) == (False, "TlsFailed")
            assert "certificate" in untrusted.message

    assert len(mailbox.mails) == 1


async def test_a_server_without_starttls_gets_no_password(calls: IntegrationsContext) -> None:
    async with mail_server(Mailbox()) as port:
        tried = await try_out(calls, account(port, username="treadle"), now=NOW)

    assert not tried.ok
    assert PASSWORD not in tried.message


async def test_a_refused_recipient_is_named_and_secrets_are_masked(
    calls: IntegrationsContext,
) -> None:
    mailbox = Mailbox()
    async with mail_server(mailbox) as port:
        conn = opened(
            "smtp",
            {"host": HOST, "port": port, "tls": "none", "from_address": "a@b.example"},
            {"password": PASSWORD},
        )
        for to in (["nobody@b.example"], ["ann@b.example", "nobody@b.example"]):
            with pytest.raises(Rejected, match=r"nobody@b\.example") as refused:
                await send(calls, conn, to=to, subject="x", text="y", now=NOW)
            assert refused.value.name == "Smtp.550"
            assert PASSWORD not in refused.value.message


async def test_the_address_guard_holds_for_mail(shut_in: IntegrationsContext) -> None:
    mailbox = Mailbox()
    async with mail_server(mailbox) as port:
        for host in (HOST, "localhost", "::1", "169.254.169.254"):
            tried = await try_out(shut_in, account(port, host=host, tls="none"), now=NOW)
            assert (tried.ok, tried.error) == (False, "OutboundRefused")

    assert mailbox.helos == []


@pytest.mark.parametrize("greeting", [b"", b"220 hello\r\n", b"250-x\r\n" * 100_000])
async def test_a_server_that_is_silent_or_never_ends_is_left(
    calls: IntegrationsContext, greeting: bytes
) -> None:
    async def odd(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(greeting)
            await reader.read()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(odd, HOST, 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises((Timeout, Rejected)):
            await send(
                calls,
                account(port, tls="none"),
                to=["a@b.example"],
                subject="",
                text="x",
                timeout_seconds=0.3,
                now=NOW,
            )


@pytest.mark.parametrize(
    "to",
    [
        [],
        ["x"],
        ["@"],
        ["a@"],
        ["a@b.example, c@d.example"],
        ["a@b.example\r\nBcc: c@d.example"],
        ["a@b.example"] * 101,
    ],
)
async def test_what_is_no_address_is_refused(calls: IntegrationsContext, to: list[str]) -> None:
    with pytest.raises(OutboundRefused, match="to: "):
        await send(calls, account(1, tls="none"), to=to, subject="", text="x", now=NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"host": "a b"},
        {"host": "http://x"},
        {"port": 0},
        {"tls": "maybe"},
        {"tls": "none", "username": "treadle"},
        {"from_address": "nobody"},
        {"from_address": "a@b.example\nBcc: c@d.example"},
        {"password": "x"},
    ],
)
def test_bad_configurations_are_refused(changes: dict[str, Any]) -> None:
    good = {"host": "mail.example", "from_address": "a@b.example"}
    SmtpConfig.model_validate(good)
    with pytest.raises(ValidationError):
        SmtpConfig.model_validate(good | changes)
