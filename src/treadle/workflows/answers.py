"""Answering a wait by its link: whoever has the link may, once.

    wait = context.links.wait(token)            None: nobody's, answered like a missing one
async with database.tenant(wait.tenant_id)  the tenant's, as for every caller
    question = await find_question(tx, wait)
    answer = await answer_wait(tx, context, wait, body, …)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from treadle.core.errors import BadInput, NotFound
from treadle.core.json import Json
from treadle.db.transaction import Transaction
from treadle.workflows import execution_store, executions
from treadle.workflows.answer_links import Wait
from treadle.workflows.context import WorkflowsContext
from treadle.workflows.events import Resumed
from treadle.workflows.execution_model import ExecutionSummary
from treadle.workflows.faults import Fault
from treadle.workflows.schemas import payload_faults
from treadle.workflows.telling import Answer

LINK: Final = "LINK"
"""The source of an answer that came by a link."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a link asks. `open`: nobody has answered yet, and the time is not up. `form` is a JSON
    Schema of the answer, where the step says one.
    """

    execution: ExecutionSummary
    step: str
    open: bool
    form: dict[str, Any] | None = None
    due: datetime | None = None


class AnswerRefused(BadInput):
    """An answer that is not as the form says."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(str(fault) for fault in faults), field="body")
        self.faults = tuple(faults)


async def find_question(tx: Transaction, wait: Wait) -> Question:
    """What the link asks. Raises NotFound once the execution has been pruned."""
    found = await execution_store.find_summary(tx, wait.execution_id)
    if found is None:
        raise NotFound(executions.EXECUTION_MISSING)
    request = await execution_store.find_wait(tx, wait.execution_id, wait.step, wait.attempt)
    if request is None:
        return Question(found, wait.step, open=False)
    asked: dict[str, Any] = orjson.loads(request)
    due: int | None = asked["due"]
    return Question(
        found,
        wait.step,
        open=True,
        form=asked["form"],
        due=None if due is None else datetime.fromtimestamp(due / 1000, UTC),
    )


async def answer_wait(
    tx: Transaction,
    context: WorkflowsContext,
    wait: Wait,
    body: Json,
    *,
    by: dict[str, Json],
    now: datetime,
) -> Answer:
    """Answers the wait; of many at once exactly one is told RESTARTED. `by` says from where, for
    the event log. Raises NotFound, and AnswerRefused for what is not as the form says.
    """
    question = await find_question(tx, wait)
    if question.form is not None:
        faults = payload_faults(question.form, body)
        if faults:
            raise AnswerRefused(faults)
    event = Resumed(LINK, body, step=wait.step, attempt=wait.attempt, by=by, later=True)
    return await executions.tell_answer(
        tx, context, wait.execution_id, event, by=LINK.lower(), now=now
    )
