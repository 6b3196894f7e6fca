"""One storage of each kind: a folder, and a bucket of a real S3 server process."""

from __future__ import annotations

import uuid
from collections.abc import Generator
from pathlib import Path

import pytest

from storage.s3_server import create_bucket, run_s3_server
from treadle.storage.storage import Storage, open_storage


@pytest.fixture(scope="session")
def s3_address(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    with run_s3_server(tmp_path_factory.mktemp("s3") / "server.log") as address:
        yield address


@pytest.fixture
def aws_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tester")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """Empty; every test that takes it runs once for each kind of place."""
    if request.param == "folder":
        return open_storage((tmp_path / "files").as_uri())
    request.getfixturevalue("aws_credentials")
    address: str = request.getfixturevalue("s3_address")
    bucket = f"b{uuid.uuid4().hex}"
    create_bucket(address, bucket)
    return open_storage(f"s3://{bucket}/some/prefix?endpoint={address}&allow_http=true")
