"""What an `http` step's body means to an integration that speaks no HTTP of the step's own:

teams   an adaptive card, or {text, subject?}
slack   {text, blocks?, …}, or a text
smtp    {to, subject, text, attachments?}
sql     {sql, parameters?}; the rows are the output's body
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from treadle.core.errors import BadInput
from treadle.core.json import Json
from treadle.integrations.context import IntegrationsContext
from treadle.integrations.model import IntegrationType, OpenIntegration
from treadle.integrations.types import slack, smtp, sql, teams
from treadle.workflows.effect_runners.http_messages import text_of


async def send_message(
    context: IntegrationsContext, opened: OpenIntegration[Any, Any], body: Json, *, now: datetime
) -> dict[str, Json]:
    """The step's output. Raises OutboundError, and BadInput for a body that means nothing there."""
    said = _object(body)
    match opened.type:
        case IntegrationType.TEAMS:
            await teams.send_card(context, opened, card=card_of(said))
            return _done(None)
        case IntegrationType.SLACK:
            await slack.send(context, opened, payload=said)
            return _done(None)
        case IntegrationType.SMTP:
            return _done({"message_id": await send_mail(context, opened, said, now=now)})
        case _:
            return await _query(context, opened, said)


async def send_mail(
    context: IntegrationsContext,
    opened: OpenIntegration[Any, Any],
    said: Mapping[str, Any],
    *,
    now: datetime,
) -> str:
    """The mail's Message-ID. Raises OutboundError, BadInput."""
    return await smtp.send(
        context,
        opened,
        to=recipients(said.get("to")),
        subject=text_of(said.get("subject", "")),
        text=text_of(said.get("text", "")),
        attachments=[_attachment(one) for one in said.get("attachments") or ()],
        now=now,
    )


def recipients(given: Any) -> list[str]:
    """One address, several in a text, or a list. Raises BadInput."""
    if isinstance(given, str):
        return [part.strip() for part in given.split(",") if part.strip()]
    if isinstance(given, list) and all(isinstance(one, str) for one in cast("list[Any]", given)):
        return cast("list[str]", given)
    raise BadInput("body.to: must be an address, or a list of them", field="body.to")


def card_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """The adaptive card of a body: itself, `card` in it, or one made of its texts."""
    if said.get("type") == "AdaptiveCard":
        return dict(said)
    card = said.get("card")
    if isinstance(card, dict):
        return cast("dict[str, Any]", card)
    subject, text = text_of(said.get("subject", "")), text_of(said.get("text", ""))
    return teams.text_card(subject=subject, message=text)


def _object(body: Json) -> dict[str, Any]:
    if isinstance(body, str):
        return {"text": body}
    if not isinstance(body, dict):
        raise BadInput("config.body: must be an object or a text", field="config.body")
    return body


def _attachment(given: Any) -> smtp.Attachment:
    if not isinstance(given, dict):
        raise BadInput("body.attachments: must be a list of objects", field="body.attachments")
    file = cast("dict[str, Any]", given)
    try:
        content = (
            base64.b64decode(str(file["base64"]), validate=True)
            if "base64" in file
            else text_of(file.get("content", "")).encode()
        )
    except ValueError:
        raise BadInput("body.attachments: base64 is none", field="body.attachments") from None
    kind = str(file.get("content_type", "application/octet-stream"))
    return smtp.Attachment(str(file.get("filename", "attachment")), content, kind)


async def _query(
    context: IntegrationsContext, opened: OpenIntegration[Any, Any], said: Mapping[str, Any]
) -> dict[str, Json]:
    statement = said.get("sql")
    if not isinstance(statement, str):
        raise BadInput("config.body.sql: must be a statement", field="config.body.sql")
    parameters: Sequence[Json] = said.get("parameters") or ()
    result = await sql.query(context, opened, sql=statement, parameters=parameters)
    return {
        **_done(list(result.rows)),
        "columns": list(result.columns),
        "row_count": result.row_count,
        "truncated": result.truncated,
    }


def _done(body: Json) -> dict[str, Json]:
    """As of a request that went well."""
    return {"status": 200, "headers": {}, "body": body}
