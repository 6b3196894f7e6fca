from __future__ import annotations

from pathlib import Path

import pytest

from treadle.storage.location import FolderLocation, S3Location, parse_location


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///srv/files", Path("/srv/files")),
        ("file:///srv/my%20files/", Path("/srv/my files")),
        ("/srv/files", Path("/srv/files")),
        ("data/files", Path.cwd() / "data/files"),
    ],
)
def test_folder_urls(url: str, path: Path) -> None:
    assert parse_location(url) == FolderLocation(path=path)


def test_bucket_alone() -> None:
    assert parse_location("s3://bucket") == S3Location(bucket="bucket")


def test_bucket_with_everything() -> None:
    location = parse_location(
        "s3://bucket/some/prefix/?endpoint=http://minio:9000&region=eu-central-1"
        "&allow_http=true&virtual_hosted_style=true"
    )

    assert location == S3Location(
        bucket="bucket",
        prefix="some/prefix",
        endpoint="http://minio:9000",
        region="eu-central-1",
        allow_http=True,
        virtual_hosted_style=True,
    )
    assert str(location) == "s3://bucket/some/prefix"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "empty"),
        ("/srv/\0", "NUL"),
        ("file://host/share", "file:///absolute/folder"),
        ("file:///srv?x=1", "file:///absolute/folder"),
        ("ftp://host/x", "ftp://… is not known"),
        ("s3:///prefix", "s3://bucket/prefix"),
        ("s3://key:secret@bucket/x", "no credentials"),
        ("s3://bucket:9000/x", "no credentials or port"),
        ("s3://bucket/x#y", "s3://bucket/prefix"),
        ("s3://bucket/a/../b", "segment '..'"),
        ("s3://bucket?endpont=https://x", "'endpont'; known are endpoint, region"),
        ("s3://bucket?region=a&region=b", "twice"),
        ("s3://bucket?endpoint=minio:9000", "must start with https://"),
        ("s3://bucket?endpoint=http://minio:9000", "add allow_http=true"),
        ("s3://bucket?allow_http=yes", "allow_http is true or false, not 'yes'"),
    ],
)
def test_bad_url_is_refused_with_the_reason(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_location(url)
