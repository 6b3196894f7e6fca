"""Requests that the documentation names are requests that the server answers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fixtures.documented import document

ROOT = Path(__file__).parents[2]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    # Those for who comes from elsewhere name the requests of elsewhere; ours in them are run.
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if "migrate-from" not in page.name),
]

_REQUEST = re.compile(r"`(GET|POST|PUT|PATCH|DELETE) (/[^`\s?…]+)")
_PARAMETER = re.compile(r"\{[^}]*\}")
BESIDES = {("GET", "/openapi.json")}
"""What is answered and does not describe itself."""


def requests_in(text: str) -> set[tuple[str, str]]:
    return {(method, _PARAMETER.sub("{}", path)) for method, path in _REQUEST.findall(text)}


def answered() -> set[tuple[str, str]]:
    paths: dict[str, dict[str, object]] = document()["paths"]
    return BESIDES | {
        (method.upper(), _PARAMETER.sub("{}", path))
        for path, operations in paths.items()
        for method in operations
    }


def test_requests_are_found() -> None:
    text = "`GET /api/jobs/{id}/log?follow=true` and `POST /api/login` but not GET /nowhere"
    assert requests_in(text) == {("GET", "/api/jobs/{}/log"), ("POST", "/api/login")}
    guide = (ROOT / "docs" / "guides" / "integration-manager.md").read_text(encoding="utf-8")
    assert len(requests_in(guide)) > 5


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_named_requests_exist(page: Path) -> None:
    assert requests_in(page.read_text(encoding="utf-8")) <= answered()
