"""The server's log: one line an event, as JSON or for a terminal, whoever writes it.

Our own events go straight to the stream (a fifth of the cost of the standard library's way); what
uvicorn, asyncpg or pgqueuer say through the standard library passes through the same steps. So
every line has a time, a level and the context that was bound: `request_id` while a request is
answered, `run_id` while a run is worked on. Values under names that say "secret" are struck out at
the end, wherever they came from.
"""

from __future__ import annotations

import logging
import re
import sys
from functools import lru_cache
from typing import Any, Final, TextIO, cast

import orjson
import structlog
from structlog.types import EventDict, Processor, WrappedLogger

STRUCK_OUT: Final = "***"
_SECRET: Final = re.compile(
    "passw|secret|token|authorization|api[-_]?key|credential|cookie", re.IGNORECASE
)
_NESTS: Final = (dict, list, tuple)
_QUIET: Final = {
    # What it says at "info" (started, finished) the process says itself.
    "uvicorn.error": logging.WARNING,
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
}


def strike_out_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replaces the value of every key whose name says that it is secret, at any depth."""
    return cast("EventDict", _without_secrets(event))


def _without_secrets(value: object) -> object:
    if isinstance(value, dict):
        content = cast("dict[object, object]", value)
        return {
            key: STRUCK_OUT
            if _is_secret(str(key))
            else _without_secrets(inner)
            if isinstance(inner, _NESTS)
            else inner
            for key, inner in content.items()
        }
    if isinstance(value, (list, tuple)):
        return [_without_secrets(inner) for inner in cast("list[object]", value)]
    return value


@lru_cache(maxsize=4096)
def _is_secret(name: str) -> bool:
    return _SECRET.search(name) is not None


def configure_logs(
    *, level: str, form: str, stream: TextIO | None = None, final: bool = False
) -> None:
    """Sends every log of the process to `stream` (standard error) from `level` up.

    `form` is `json`, `console` or `auto`: console on a terminal, JSON elsewhere. The last call
    holds; after a `final` one, loggers that were used keep what they have, which is quicker.
    """
    output: TextIO = sys.stderr if stream is None else stream
    as_json = form == "json" or (form == "auto" and not output.isatty())
    least = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendering = _rendering(as_json=as_json, colors=output.isatty())
    structlog.configure(
        processors=[*shared, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.WriteLoggerFactory(output),
        cache_logger_on_first_use=final,
    )
    handler = logging.StreamHandler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(least)
    _silence_chatter()


def _rendering(*, as_json: bool, colors: bool) -> list[Processor]:
    if not as_json:
        return [strike_out_secrets, _console(colors=colors)]
    return [
        strike_out_secrets,
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(serializer=_json_line),
    ]


def _console(*, colors: bool) -> Processor:
    # The renderer's own choice prints the values of all local variables, passwords among them.
    return structlog.dev.ConsoleRenderer(
        colors=colors, exception_formatter=structlog.dev.plain_traceback
    )


def _json_line(event: EventDict, **_: Any) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _silence_chatter() -> None:
    for name, level in _QUIET.items():
        logging.getLogger(name).setLevel(level)
    for name in ("uvicorn", "uvicorn.error"):
        # uvicorn brings handlers of its own; a line goes out once, through ours.
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
