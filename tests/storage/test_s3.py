"""What only S3 can get wrong: the bucket, the address, the credentials."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path

import pytest

from storage.s3_server import create_bucket
from treadle.storage.errors import MissingObject, StorageError
from treadle.storage.storage import Storage, open_storage

Call = Callable[[Storage], Coroutine[object, object, object]]


async def _read_stream(storage: Storage) -> None:
    _ = [chunk async for chunk in storage.stream("key")]


CALLS: dict[str, Call] = {
    "put": lambda storage: storage.put_bytes("key", b"x"),
    "get": lambda storage: storage.get_bytes("key", max_bytes=1),
    "stream": _read_stream,
    "head": lambda storage: storage.head("key"),
    "delete": lambda storage: storage.delete("key"),
    "delete_prefix": lambda storage: storage.delete_prefix("key"),
    "check": lambda storage: storage.check(),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())


@every_call
@pytest.mark.usefixtures("aws_credentials")
async def test_missing_bucket_is_not_a_missing_object(s3_address: str, call: Call) -> None:
    storage = open_storage(f"s3://no-such-bucket/p?endpoint={s3_address}&allow_http=true")

    with pytest.raises(StorageError, match="bucket does not exist") as caught:
        await call(storage)
    assert not isinstance(caught.value, MissingObject)
    assert "s3://no-such-bucket/p" in str(caught.value)


@every_call
@pytest.mark.usefixtures("aws_credentials")
async def test_unreachable_endpoint_fails_with_the_place_and_the_reason(call: Call) -> None:
    with socket.socket() as reserved:
        # Bound but not listening: every connection is refused, and nobody else gets the port.
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        storage = open_storage(f"s3://bucket?endpoint=http://127.0.0.1:{port}&allow_http=true")

        with pytest.raises(
            StorageError, match=r"s3://bucket could not .* after 3 retries"
        ) as caught:
            await call(storage)
    assert not isinstance(caught.value, MissingObject)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("aws_credentials")
async def test_check_gives_up_on_a_server_that_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        storage = open_storage(f"s3://bucket?endpoint=http://127.0.0.1:{port}&allow_http=true")

        with pytest.raises(StorageError, match="could not be reached: no answer in time"):
            await storage.check(within=timedelta(milliseconds=200))


@pytest.mark.usefixtures("aws_credentials")
async def test_endpoint_and_region_can_come_from_the_aws_variables(
    s3_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_bucket(s3_address, "from-environment")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_address)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    storage = open_storage("s3://from-environment?allow_http=true")

    await storage.put_bytes("key", b"x")
    assert await storage.get_bytes("key", max_bytes=1) == b"x"


@pytest.mark.usefixtures("aws_credentials")
async def test_plain_http_must_be_said_in_the_url(
    s3_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_address)

    with pytest.raises(StorageError, match="add allow_http=true"):
        await open_storage("s3://bucket").check()


@pytest.mark.usefixtures("aws_credentials")
async def test_two_prefixes_of_one_bucket_do_not_see_each_other(s3_address: str) -> None:
    create_bucket(s3_address, "shared")
    one = open_storage(f"s3://shared/one?endpoint={s3_address}&allow_http=true")
    two = open_storage(f"s3://shared/two?endpoint={s3_address}&allow_http=true")

    await one.put_bytes("key", b"1")
    assert await two.head("key") is None
    await two.put_bytes("key", b"2")
    assert await one.delete_prefix("key") == 0
    assert await one.get_bytes("key", max_bytes=1) == b"1"


@pytest.mark.usefixtures("aws_credentials")
async def test_prefix_with_more_objects_than_one_listing_holds(s3_address: str) -> None:
    create_bucket(s3_address, "many")
    storage = open_storage(f"s3://many?endpoint={s3_address}&allow_http=true")
    for start in range(0, 1_050, 50):
        puts = (storage.put_bytes(f"p/{number}", b"") for number in range(start, start + 50))
        await asyncio.gather(*puts)

    assert await storage.delete_prefix("p") == 1_050
    assert await storage.delete_prefix("p") == 0


@pytest.mark.usefixtures("aws_credentials")
async def test_put_file_keeps_the_source(s3_address: str, tmp_path: Path) -> None:
    create_bucket(s3_address, "source")
    storage = open_storage(f"s3://source?endpoint={s3_address}&allow_http=true")
    source = tmp_path / "file"
    source.write_bytes(b"x")

    await storage.put_file("key", source)
    assert source.read_bytes() == b"x"
