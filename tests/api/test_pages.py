"""What a caller may ask of a list, and the links from page to page."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from fastapi import APIRouter

from fixtures.server import Server, make_context, serving
from treadle.api.bodies import EdgeRoute
from treadle.api.context import AppContext
from treadle.api.integration_manager.pages import ListBody, Listing, listing
from treadle.api.wire import Camel
from treadle.core.pages import Page

router = APIRouter(route_class=EdgeRoute)
TOTAL = 60


class Row(Camel):
    """A row of the list."""

    number: int
    sort: str
    descending: bool
    text: str | None


class Rows(ListBody[Row]):
    """A page of rows."""


@router.get("/api/test/rows")
async def rows(
    *, listed: Annotated[Listing, listing(sorts={"id", "name"})], kind: str | None = None
) -> Rows:
    _ = kind
    first = listed.page.offset
    found = [
        Row(number=number, sort=listed.sort, descending=listed.descending, text=listed.text)
        for number in range(first, min(first + listed.page.size, TOTAL))
    ]
    return Rows.of(Page(tuple(found), TOTAL, listed.page), listed, found)


@pytest.fixture
async def lists(app_context: AppContext) -> AsyncGenerator[Server]:
    async with serving(app_context, routers=[router]) as running:
        yield running


def query_of(link: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(link).query))


async def test_the_first_page_by_default(lists: Server) -> None:
    page = (await lists.anonymous.get("/api/test/rows")).json()
    assert (page["totalRecords"], page["totalPages"]) == (60, 3)
    assert (page["size"], page["pageNumber"]) == (25, 0)
    assert [row["number"] for row in page["items"]] == list(range(25))
    assert page["items"][0] == {"number": 0, "sort": "id", "descending": False, "text": None}
    assert page["links"]["prev"] is None
    assert page["links"]["next"] == f"{lists.url}/api/test/rows?offset=1&size=25"


async def test_the_links_lead_through_the_whole_list(lists: Server) -> None:
    url = "/api/test/rows?size=7&sortby=name&direction=DESC&filter=a%26b&kind=x"
    seen: list[int] = []
    page: dict[str, Any] = {}
    while url:
        page = (await lists.anonymous.get(url)).json()
        assert {row["sort"] for row in page["items"]} == {"name"}
        assert {row["text"] for row in page["items"]} == {"a&b"}
        assert all(row["descending"] for row in page["items"])
        seen += [row["number"] for row in page["items"]]
        url = page["links"]["next"]
        if url:
            assert query_of(url)["kind"] == "x"
    assert seen == list(range(TOTAL))
    assert query_of(page["links"]["prev"])["offset"] == "7"


async def test_a_page_behind_the_end_is_empty_and_leads_back(lists: Server) -> None:
    page = (await lists.anonymous.get("/api/test/rows?offset=99&size=25")).json()
    assert page["items"] == []
    assert (page["pageNumber"], page["links"]["next"]) == (99, None)
    assert query_of(page["links"]["prev"])["offset"] == "2"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("size=0", "size: must be greater than or equal to 1"),
        ("size=201", "size: must be less than or equal to 200"),
        ("size=many", "size: must be a whole number"),
        ("offset=-1", "offset: must be greater than or equal to 0"),
        ("offset=99999999999999999999", "offset: must be less than or equal to 1000000000"),
        ("offset=" + "9" * 5000, "offset: must be a whole number of a usual size"),
        ("sortby=secret", "sortby: must be one of id, name"),
        ("direction=up", "direction: must be asc or desc"),
        ("filter=" + "x" * 201, "filter: must have at most 200 characters"),
    ],
)
async def test_what_a_list_cannot_be_asked_is_400(lists: Server, query: str, message: str) -> None:
    answer = await lists.anonymous.get(f"/api/test/rows?{query}")
    assert (answer.status_code, answer.json()["message"]) == (400, message)


async def test_links_begin_with_the_public_url(app_context: AppContext) -> None:
    settings = app_context.settings.model_copy(update={"public_url": "https://run.example"})
    context = make_context(app_context.database, settings.data_dir, settings=settings)
    async with serving(context, routers=[router]) as running:
        page = (await running.anonymous.get("/api/test/rows")).json()
    assert page["links"]["next"].startswith("https://run.example/api/test/rows?")
