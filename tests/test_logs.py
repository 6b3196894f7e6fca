"""The server's log: one form for every line, and no secret in any."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Generator
from typing import Any

import pytest
import structlog

from treadle.logs import STRUCK_OUT, configure_logs


@pytest.fixture(autouse=True)
def logs_of_before() -> Generator[None]:
    """The logs of the test process are put back."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines_of(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_our_lines_and_those_of_libraries_have_one_form() -> None:
    stream = io.StringIO()
    configure_logs(level="info", form="json", stream=stream)
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        structlog.get_logger().info("ours", number=7)
        logging.getLogger("asyncpg").warning("theirs %s", "too")
    ours, theirs = lines_of(stream)
    assert (ours["event"], ours["level"], ours["number"]) == ("ours", "info", 7)
    assert (theirs["event"], theirs["level"], theirs["logger"]) == (
        "theirs too",
        "warning",
        "asyncpg",
    )
    assert ours["request_id"] == theirs["request_id"] == "r1"
    assert ours["timestamp"].endswith("Z")


def test_values_under_secret_names_are_struck_out_wherever_they_stand() -> None:
    stream = io.StringIO()
    configure_logs(level="info", form="json", stream=stream)
    structlog.get_logger().info(
        "login",
        password="hunter2",
        Authorization="Bearer hunter2",
        headers={"X-Api-Key": "hunter2", "Cookie": "hunter2", "Accept": "text/plain"},
        bodies=[{"refresh_token": "hunter2", "deep": {"client_secret": "hunter2"}}],
        username="ada",
    )
    (line,) = lines_of(stream)
    assert "hunter2" not in stream.getvalue()
    assert line["password"] == line["Authorization"] == STRUCK_OUT
    assert line["headers"] == {
        "X-Api-Key": STRUCK_OUT,
        "Cookie": STRUCK_OUT,
        "Accept": "text/plain",
    }
    assert line["username"] == "ada"


@pytest.mark.parametrize("form", ["json", "console"])
def test_an_exception_is_told_without_the_values_of_variables(form: str) -> None:
    stream = io.StringIO()
    configure_logs(level="info", form=form, stream=stream)
    hidden = "hunter" + "2"
    try:
        raise RuntimeError("it broke" if hidden else "")
    except RuntimeError:
        structlog.get_logger().exception("ours")
        logging.getLogger("library").exception("theirs")
    text = stream.getvalue()
    assert text.count("it broke") >= 2
    assert "Traceback" in text
    assert hidden not in text


def test_the_level_holds_for_all() -> None:
    stream = io.StringIO()
    configure_logs(level="warning", form="json", stream=stream)
    structlog.get_logger().info("ours")
    logging.getLogger("library").info("theirs")
    structlog.get_logger().warning("kept")
    assert [line["event"] for line in lines_of(stream)] == ["kept"]


def test_uvicorn_says_nothing_of_every_request() -> None:
    stream = io.StringIO()
    configure_logs(level="debug", form="json", stream=stream)
    logging.getLogger("uvicorn.error").info("Started server process")
    logging.getLogger("uvicorn.error").error("Exception in ASGI application")
    assert [line["event"] for line in lines_of(stream)] == ["Exception in ASGI application"]


def test_auto_is_json_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    configure_logs(level="info", form="auto")
    structlog.get_logger().info("hello")
    assert lines_of(stream)[0]["event"] == "hello"


def test_a_terminal_gets_lines_for_people() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    configure_logs(level="info", form="auto", stream=stream)
    structlog.get_logger().info("hello", password="hunter2")
    assert "hello" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()
    with pytest.raises(json.JSONDecodeError):
        lines_of(stream)
