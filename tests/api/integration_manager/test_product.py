"""What answers here, told to everybody."""

from fixtures.server import Server
from treadle import __version__


async def test_product_info_needs_no_credential(server: Server) -> None:
    answer = await server.anonymous.get("/api/product/info")
    assert answer.status_code == 200
    assert answer.json() == {"name": "Treadle", "version": __version__}


async def test_a_bad_credential_does_not_hide_it(server: Server) -> None:
    answer = await server.anonymous.get(
        "/api/product/info", headers={"Authorization": "Bearer nonsense"}
    )
    assert answer.status_code == 200


async def test_it_is_only_read(server: Server) -> None:
    answer = await server.anonymous.post("/api/product/info")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
