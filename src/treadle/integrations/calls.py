"""What can be done with any open integration, whatever its type. Nothing here touches the database:
call it outside of a transaction, for another system may be slow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from treadle.core.errors import BadInput
from treadle.integrations.context import IntegrationsContext
from treadle.integrations.errors import OutboundError, OutboundRefused
from treadle.integrations.kinds import KINDS
from treadle.integrations.model import IntegrationType, OpenIntegration
from treadle.integrations.types.smtp import parse_mailbox


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a test. `error` is a name for programs, as of any OutboundError."""

    ok: bool
    message: str
    error: str | None = None


def check_recipients(kind: IntegrationType, to: Sequence[str]) -> None:
    """Raises BadInput (for `integration` or `to`) if an integration of this type could never
    deliver a message to these.
    """
    if KINDS[kind].notify is None:
        raise BadInput(f"one of type {kind} cannot notify anybody", field="integration")
    if kind is not IntegrationType.SMTP:
        return
    if not to:
        raise BadInput("must name somebody: mail needs an address", field="to")
    for number, address in enumerate(to):
        try:
            parse_mailbox(address)
        except ValueError as error:
            raise BadInput(str(error), field=f"to.{number}") from None


async def notify(
    context: IntegrationsContext,
    opened: OpenIntegration[Any, Any],
    *,
    to: Sequence[str],
    subject: str,
    message: str,
    now: datetime,
) -> None:
    """Tells people. Whom `to` names depends on the type: mail addresses, or nobody where a webhook
    decides. Raises OutboundError.
    """
    send = KINDS[opened.type].notify
    if send is None:
        raise OutboundRefused(f"an integration of type {opened.type} cannot notify anybody")
    await send(context, opened, to=to, subject=subject, message=message, now=now)


async def try_out(
    context: IntegrationsContext, opened: OpenIntegration[Any, Any], *, now: datetime
) -> Tried:
    """Whether the other system is there and lets us in. Chat webhooks get a test message."""
    try:
        message = await KINDS[opened.type].test(context, opened, now=now)
    except OutboundError as error:
        return Tried(False, opened.masked(error.message), error.name)
    return Tried(True, opened.masked(message))
