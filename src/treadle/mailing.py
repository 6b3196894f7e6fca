"""What mail is sent with, from the settings."""

from __future__ import annotations

from treadle.core.sealing import Sealer
from treadle.faults import StartFault
from treadle.mail.outbox import Mail
from treadle.mail.smtp import SmtpServer, read_smtp_url
from treadle.settings import Settings


def mail_of(settings: Settings, sealer: Sealer) -> Mail | None:
    """What mail is sent with; None where none is. Raises StartFault, naming the variable."""
    server = smtp_server_of(settings)
    if server is None or settings.public_url is None:
        return None
    return Mail(server, settings.public_url.rstrip("/"), sealer)


def smtp_server_of(settings: Settings) -> SmtpServer | None:
    """The mail server that is set, with all that belongs to it. Raises StartFault."""
    if settings.smtp_url is None:
        if settings.mail_from is not None:
            raise StartFault("TREADLE_MAIL_FROM: means nothing without TREADLE_SMTP_URL")
        return None
    if settings.mail_from is None:
        raise StartFault("TREADLE_MAIL_FROM: is needed with TREADLE_SMTP_URL")
    if settings.public_url is None:
        raise StartFault("TREADLE_PUBLIC_URL: is needed with TREADLE_SMTP_URL, for links in mail")
    try:
        return read_smtp_url(settings.smtp_url.get_secret_value(), sender=settings.mail_from)
    except ValueError as error:
        variable = "TREADLE_MAIL_FROM" if "sender" in str(error) else "TREADLE_SMTP_URL"
        raise StartFault(f"{variable}: {error}") from None
