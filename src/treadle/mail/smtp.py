"""The SMTP server that mail goes to, and one message on its way there."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from email.errors import MessageError
from email.message import EmailMessage
from typing import Final, Literal, TypeAlias
from urllib.parse import unquote, urlsplit

import aiosmtplib

SECONDS: Final = 45.0
"""For one message, from the connection to the server's word that it has it."""

Security: TypeAlias = Literal["none", "starttls", "tls"]
_PORTS: Final[dict[Security, int]] = {"none": 25, "starttls": 587, "tls": 465}


class MailRefused(Exception):
    """The message did not get to the server; the text says why, without a password."""


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail is handed in, and whom it comes from."""

    host: str
    port: int
    security: Security
    sender: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to one person. `id` is the same however often it is sent."""

    id: str
    to: str
    subject: str
    text: str = field(repr=False)


def read_smtp_url(url: str, *, sender: str) -> SmtpServer:
    """The server behind `smtp://user:password@host:587?starttls`, or `smtps://…` for TLS from the
    first byte. Raises ValueError with what is wrong, without the URL: it holds a password.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError("must be like smtp://user:password@host:587?starttls")
    if parts.query not in ("", "starttls") or parts.fragment:
        raise ValueError("the only option is ?starttls")
    if (parts.username is None) != (parts.password is None):
        raise ValueError("a user needs a password, and a password a user")
    security: Security = "tls" if parts.scheme == "smtps" else "none"
    if parts.query:
        if security == "tls":
            raise ValueError("smtps:// is encrypted from the first byte, without ?starttls")
        security = "starttls"
    local, _, domain = sender.rpartition("@")
    if not local or not domain or any(not 32 < ord(character) < 127 for character in sender):
        raise ValueError("the sender must be a plain address like treadle@example.com")
    return SmtpServer(
        host=parts.hostname,
        port=parts.port or _PORTS[security],
        security=security,
        sender=sender,
        user=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
    )


async def send(server: SmtpServer, letter: Letter) -> None:
    """The server has taken the letter. Raises MailRefused; then it may have it nevertheless."""
    try:
        message = _message(server, letter)
        async with asyncio.timeout(SECONDS):
            await aiosmtplib.send(
                message,
                sender=server.sender,
                recipients=[letter.to],
                hostname=server.host,
                port=server.port,
                username=server.user,
                password=server.password,
                use_tls=server.security == "tls",
                start_tls=server.security == "starttls",
                timeout=SECONDS,
            )
    except TimeoutError:
        raise MailRefused(f"the mail server did not answer within {SECONDS:g} s") from None
    except (aiosmtplib.SMTPException, OSError, ValueError, MessageError) as error:
        raise MailRefused(f"{type(error).__name__}: {error}"[:500]) from error


def _message(server: SmtpServer, letter: Letter) -> EmailMessage:
    message = EmailMessage()
    message["From"] = server.sender
    message["To"] = letter.to
    message["Subject"] = letter.subject
    # A letter that is sent twice can be known by it.
    message["Message-ID"] = f"<{letter.id}@{server.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    return message
