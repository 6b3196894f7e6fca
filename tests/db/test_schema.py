"""What is recorded is what the migrations make."""

from __future__ import annotations

from treadle.db.schema import RECORDED, normalised, schema_dump


async def test_recorded_schema_is_what_the_migrations_make(database_url: str) -> None:
    """After a new migration: `python -m treadle.db.schema`."""
    assert await schema_dump(database_url) == RECORDED.read_text()


def test_normalised_drops_what_differs_between_runs() -> None:
    dump = (
        "--\n-- PostgreSQL database dump\n--\n\n\\restrict x1y2\n\nSET row_security = off;\n"
        "SELECT pg_catalog.set_config('search_path', '', false);\n\n\n"
        "--\n-- Name: a\n--\n\nCREATE TABLE a (\n    b int\n);\n\n\n\\unrestrict x1y2\n\n"
    )
    body = "CREATE TABLE a (\n    b int\n);\n"
    assert normalised(dump).endswith(f"\n\n{body}")
    assert "restrict" not in normalised(dump)
