"""Mail through an SMTP server."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, parseaddr
from typing import Annotated, Final, Literal, TypeAlias
from uuid import uuid4

import aiosmtplib
import anyio
from pydantic import AfterValidator, Field, model_validator

from treadle.integrations.context import IntegrationsContext
from treadle.integrations.errors import (
    BrokenAnswer,
    OutboundRefused,
    Rejected,
    TlsFailed,
    deadline,
)
from treadle.integrations.guarded_tcp import open_socket
from treadle.integrations.model import Config, OpenIntegration, Secrets
from treadle.integrations.types.texts import Host, Line, Name, Password, Port

MAX_RECIPIENTS: Final = 100
MAX_MESSAGE_BYTES: Final = 20_000_000
QUIT_SECONDS: Final = 2


def parse_mailbox(text: str) -> Address:
    """The address in `ann@example.com` or `Ann <ann@example.com>`. Raises ValueError."""
    name, spec = parseaddr(text)
    if not text.isprintable() or text.count("@") > 1 + name.count("@"):
        raise ValueError("must be one address like ann@example.com")
    try:
        address = Address(display_name=name, addr_spec=spec)
    except (HeaderParseError, ValueError, IndexError):
        raise ValueError("must be an address like ann@example.com") from None
    if not address.username or not address.domain:
        raise ValueError("must be an address like ann@example.com")
    return address


def _mailbox(text: str) -> str:
    parse_mailbox(text)
    return text


class SmtpConfig(Config):
    """A server, and how it is talked to: TLS from the first byte (`implicit`, port 465), after a
    greeting (`starttls`, ports 587 and 25), or none at all.
    """

    host: Host
    port: Port = 587
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    username: Annotated[Name | None, Field(description="None: no login.")] = None
    from_address: Annotated[Line, AfterValidator(_mailbox)]

    @model_validator(mode="after")
    def _no_password_in_the_clear(self) -> SmtpConfig:
        if self.username is not None and self.tls == "none":
            raise ValueError("a login needs TLS: its password would be sent in the clear")
        return self

    def needed_secrets(self) -> frozenset[str]:
        """The password, if there is a login."""
        return frozenset() if self.username is None else frozenset({"password"})

    def target(self) -> tuple[object, ...]:
        """The server, and whether it is talked to under TLS."""
        return self.host.lower(), self.port, self.tls


class SmtpSecrets(Secrets):
    """The password of the login."""

    password: Password | None = None


OpenSmtp: TypeAlias = OpenIntegration[SmtpConfig, SmtpSecrets]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes along."""

    filename: str
    content: bytes
    content_type: str = "application/octet-stream"


async def send(
    context: IntegrationsContext,
    opened: OpenSmtp,
    *,
    to: Sequence[str],
    subject: str,
    text: str,
    attachments: Sequence[Attachment] = (),
    timeout_seconds: float = 60,
    now: datetime,
) -> str:
    """Hands the mail to the server; its Message-ID. All recipients are taken, or Rejected says
    which is not. Raises OutboundError.
    """
    message = _message(opened, to=to, subject=subject, text=text, attachments=attachments, now=now)
    with deadline(timeout_seconds, place=opened.config.host):
        async with _session(context, opened) as smtp:
            with _failures_of(opened):
                refused, _ = await smtp.send_message(message)
    if refused:
        address, response = next(iter(refused.items()))
        said = opened.masked(f"{address}: {response.message}")
        raise Rejected(
            f"{opened.config.host} took the mail for others, but not for {said}",
            name=f"Smtp.{response.code}",
        )
    return str(message["Message-ID"])


async def test(context: IntegrationsContext, opened: OpenSmtp, *, now: datetime) -> str:
    """Connects and logs in; sends nothing. Raises OutboundError."""
    config = opened.config
    with deadline(15, place=config.host):
        async with _session(context, opened) as smtp:
            with _failures_of(opened):
                await smtp.noop()
    login = "" if config.username is None else ", logged in"
    return f"{config.host} answered ({config.tls}{login}); no mail was sent"


async def notify(
    context: IntegrationsContext,
    opened: OpenSmtp,
    *,
    to: Sequence[str],
    subject: str,
    message: str,
    now: datetime,
) -> None:
    """Mails the message. Raises OutboundError."""
    await send(context, opened, to=to, subject=subject, text=message, now=now)


@asynccontextmanager
async def _session(
    context: IntegrationsContext, opened: OpenSmtp
) -> AsyncGenerator[aiosmtplib.SMTP]:
    """A session with the server, logged in."""
    config, outbound = opened.config, context.outbound
    sock = await open_socket(outbound.guard, config.host, config.port)
    smtp = aiosmtplib.SMTP(
        hostname=config.host,
        sock=sock,
        use_tls=config.tls == "implicit",
        start_tls=config.tls == "starttls",
        tls_context=None if config.tls == "none" else outbound.ssl_context,
        username=config.username,
        password=opened.secrets.password,
        # Else it would tell the name of this machine, and ask name servers for it.
        local_hostname=parse_mailbox(config.from_address).domain,
        timeout=None,
    )
    try:
        with _failures_of(opened):
            await smtp.connect()
        yield smtp
        # What the server has taken it has taken: how it ends does not make that a failure.
        with anyio.move_on_after(QUIT_SECONDS), suppress(aiosmtplib.SMTPException, OSError):
            await smtp.quit()
    finally:
        # The socket is the transport's by now, which closes it in its own time.
        smtp.close()


@contextmanager
def _failures_of(opened: OpenSmtp) -> Generator[None]:
    host = opened.config.host
    try:
        yield
    except aiosmtplib.SMTPRecipientsRefused as error:
        first = error.recipients[0]
        raise _rejected(opened, first.code, f"{first.recipient}: {first.message}") from None
    except aiosmtplib.SMTPResponseException as error:
        raise _rejected(opened, error.code, error.message) from None
    except aiosmtplib.SMTPException as error:
        cause = error.__cause__
        if isinstance(cause, ssl.SSLError):
            raise _tls_failed(host, cause) from None
        if isinstance(error, aiosmtplib.SMTPServerDisconnected | aiosmtplib.SMTPConnectError):
            raise BrokenAnswer(f"{host} ended the connection early") from None
        raise Rejected(opened.masked(f"{host}: {error}"), name="Smtp.Unsupported") from None
    except ssl.SSLError as error:
        raise _tls_failed(host, error) from None
    except (OSError, asyncio.IncompleteReadError):
        raise BrokenAnswer(f"{host} ended the connection early") from None


def _tls_failed(host: str, error: ssl.SSLError) -> TlsFailed:
    if isinstance(error, ssl.SSLCertVerificationError):
        return TlsFailed(f"the certificate of {host} is not to be trusted: {error.verify_message}")
    return TlsFailed(f"no TLS connection to {host}: are port and TLS mode right?")


def _rejected(opened: OpenSmtp, code: int, said: str) -> Rejected:
    text = opened.masked(f"{opened.config.host} answered {code} {said}")
    return Rejected(text, name=f"Smtp.{code}")


def _message(
    opened: OpenSmtp,
    *,
    to: Sequence[str],
    subject: str,
    text: str,
    attachments: Sequence[Attachment],
    now: datetime,
) -> EmailMessage:
    """Raises OutboundRefused for what no mail can be."""
    if not 1 <= len(to) <= MAX_RECIPIENTS:
        raise OutboundRefused(f"to: must name 1 to {MAX_RECIPIENTS} addresses")
    sender = parse_mailbox(opened.config.from_address)
    message = EmailMessage(policy=SMTP_POLICY)
    message["From"] = sender
    try:
        message["To"] = tuple(parse_mailbox(address) for address in to)
    except ValueError as error:
        raise OutboundRefused(f"to: each {error}") from None
    message["Subject"] = " ".join(subject.split())
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{uuid4()}@{sender.domain}>"
    message.set_content(text)
    for attachment in attachments:
        main, _, sub = attachment.content_type.partition("/")
        message.add_attachment(
            attachment.content,
            maintype=main or "application",
            subtype=sub or "octet-stream",
            filename=" ".join(attachment.filename.split()),
        )
    if sum(len(attachment.content) for attachment in attachments) + len(text) > MAX_MESSAGE_BYTES:
        raise OutboundRefused(f"the mail is over {MAX_MESSAGE_BYTES} bytes")
    return message
