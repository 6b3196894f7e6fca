"""The `send` of `wait_for_response`: asks people for an answer, with the link that answers.

`{answer_link}` in any text of it is the link. Where no text has it, it goes where people find it: a
button of the card, the last line of a mail or message, the field `answer_link` of a body.
"""

from __future__ import annotations

from typing import Any, Final, cast

from treadle.core.errors import NotFound
from treadle.core.json import Json, dump
from treadle.db.database import Database
from treadle.integrations.errors import OutboundError
from treadle.integrations.model import IntegrationType, OpenIntegration
from treadle.integrations.types import http as http_integration
from treadle.integrations.types import sap, slack, teams
from treadle.integrations.types.http_targets import place_in_words, refuse_failure
from treadle.workflows import effect_store
from treadle.workflows.answer_links import Wait
from treadle.workflows.carrying_out import Asked
from treadle.workflows.context import WorkflowsContext
from treadle.workflows.effect_runners.http import named, opened_for
from treadle.workflows.effect_runners.http_messages import text_of
from treadle.workflows.effect_runners.messages import card_of, send_mail
from treadle.workflows.events import Event

PLACE: Final = "{answer_link}"
SECONDS: Final = 60.0
MAX_ANSWER: Final = 65_536


class ResponseRunner:
    """Sends what asks for an answer."""

    def __init__(self, database: Database, context: WorkflowsContext) -> None:
        self._database = database
        self._context = context

    async def __call__(self, asked: Asked) -> Event | None:
        """None once it is sent: the outcome is somebody's answer."""
        effect = asked.effect
        send: dict[str, Any] = dict(asked.request["send"])
        try:
            opened = await opened_for(
                self._database, self._context, effect, str(send.pop("integration"))
            )
        except NotFound as error:
            return asked.failed("Integration.NotFound", error.message)
        wait = Wait(effect.tenant_id, effect.execution_id, effect.step, effect.attempt)
        link = self._context.links.url(wait)
        said = with_link(send, link)
        try:
            await self._send(asked, opened, said, None if said != send else link)
        except OutboundError as error:
            prefix = "Http" if opened.type is IntegrationType.HTTP else "Integration"
            return asked.failed(named(error, prefix), error.message)
        async with self._database.tenant(effect.tenant_id) as tx:
            # Sent: an entry that comes again finds nothing to do. The wait itself goes on.
            await effect_store.set_target(tx, effect, effect.execution_id)
        return None

    async def _send(
        self,
        asked: Asked,
        opened: OpenIntegration[Any, Any],
        said: dict[str, Any],
        link: str | None,
    ) -> None:
        parts = self._context.integrations
        match opened.type:
            case IntegrationType.TEAMS:
                await teams.send_card(parts, opened, card=card_with(card_of(said), link))
            case IntegrationType.SLACK:
                await slack.send(parts, opened, payload=_lengthened(said, link))
            case IntegrationType.SMTP:
                await send_mail(parts, opened, _lengthened(said, link), now=asked.now)
            case _:
                await _post(self._context, asked, opened, said, link)


def with_link(value: Json, link: str) -> Any:
    """The value with the link at its places."""
    if isinstance(value, str):
        return value.replace(PLACE, link)
    if isinstance(value, dict):
        return {key: with_link(inner, link) for key, inner in value.items()}
    if isinstance(value, list):
        return [with_link(inner, link) for inner in value]
    return value


def card_with(card: dict[str, Any], link: str | None) -> dict[str, Any]:
    """The card, with a button that leads to the link."""
    if link is None:
        return card
    actions = card.get("actions")
    kept = cast("list[Any]", actions) if isinstance(actions, list) else []
    return {**card, "actions": [*kept, {"type": "Action.OpenUrl", "title": "Answer", "url": link}]}


def _lengthened(said: dict[str, Any], link: str | None) -> dict[str, Any]:
    if link is None:
        return said
    text = text_of(said.get("text", ""))
    return {**said, "text": f"{text}\n\n{link}" if text else link}


async def _post(
    context: WorkflowsContext,
    asked: Asked,
    opened: OpenIntegration[Any, Any],
    said: dict[str, Any],
    link: str | None,
) -> None:
    """Posts `body`, or all that the step says, to `path` of an HTTP API."""
    path = text_of(said.get("path", ""))
    body = said.get("body", {key: value for key, value in said.items() if key != "path"})
    if link is not None and isinstance(body, dict):
        body = {**cast("dict[str, Any]", body), "answer_link": link}
    call: Any = sap.call if opened.type is IntegrationType.SAP else http_integration.call
    response = await call(
        context.integrations,
        opened,
        method="POST",
        path=path,
        headers={"Content-Type": "application/json", "Idempotency-Key": asked.key},
        content=dump(body),
        timeout_seconds=SECONDS,
        max_response_bytes=MAX_ANSWER,
        now=asked.now,
    )
    refuse_failure(response, place=place_in_words(opened.config.base_url))
