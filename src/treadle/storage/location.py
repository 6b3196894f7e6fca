"""Where files are kept, read from one URL (`TREADLE_STORAGE_URL`)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from treadle.storage.keys import validate_key

_S3_OPTIONS = ("endpoint", "region", "allow_http", "virtual_hosted_style")


@dataclass(frozen=True, slots=True)
class FolderLocation:
    """A folder of this machine (or one mounted on every machine of the installation)."""

    path: Path

    def __str__(self) -> str:
        return self.path.as_uri()


@dataclass(frozen=True, slots=True)
class S3Location:
    """A bucket of S3 or of a server that speaks S3; credentials come from the AWS_* variables."""

    bucket: str
    prefix: str | None = None
    endpoint: str | None = None
    region: str | None = None
    allow_http: bool = False
    virtual_hosted_style: bool = False

    def __str__(self) -> str:
        return f"s3://{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")


def parse_location(url: str) -> FolderLocation | S3Location:
    """Read `file:///folder`, a bare path, or
    `s3://bucket/prefix?endpoint=…&region=…&allow_http=true&virtual_hosted_style=true`.

    ValueError, saying what is wrong, for anything else: a typing error in a setting must stop the
    start, not put files in a folder called `s3:`.
    """
    scheme, separator, _ = url.partition("://")
    if not separator:
        return _parse_folder(url)
    if scheme == "file":
        return _parse_file_url(url)
    if scheme == "s3":
        return _parse_s3(url)
    raise ValueError(
        f"storage URL {scheme}://… is not known: use s3://bucket/prefix or file:///folder"
    )


def _parse_folder(path: str) -> FolderLocation:
    if not path or "\0" in path:
        raise ValueError("the storage folder is empty or has a NUL in its name")
    return FolderLocation(path=Path(path).absolute())


def _parse_file_url(url: str) -> FolderLocation:
    parts = urlsplit(url)
    if parts.netloc or parts.query or parts.fragment or not parts.path.startswith("/"):
        raise ValueError("a file storage URL is file:///absolute/folder and nothing more")
    return _parse_folder(unquote(parts.path))


def _parse_s3(url: str) -> S3Location:
    parts = urlsplit(url)
    if "@" in parts.netloc or ":" in parts.netloc:
        raise ValueError("an S3 storage URL holds no credentials or port: use AWS_* and ?endpoint=")
    if not parts.netloc or parts.fragment:
        raise ValueError("an S3 storage URL is s3://bucket/prefix, with an optional ?query")
    options = _read_options(parts.query)
    endpoint = options.get("endpoint")
    allow_http = _read_flag(options, "allow_http")
    if endpoint is not None and not endpoint.startswith(("http://", "https://")):
        raise ValueError("the S3 endpoint must start with https:// or http://")
    if endpoint is not None and endpoint.startswith("http://") and not allow_http:
        raise ValueError("the S3 endpoint is plain http: add allow_http=true if that is meant")
    prefix = unquote(parts.path).strip("/")
    return S3Location(
        bucket=parts.netloc,
        prefix=validate_key(prefix) if prefix else None,
        endpoint=endpoint,
        region=options.get("region"),
        allow_http=allow_http,
        virtual_hosted_style=_read_flag(options, "virtual_hosted_style"),
    )


def _read_options(query: str) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    options = dict(pairs)
    unknown = sorted(set(options) - set(_S3_OPTIONS))
    if unknown:
        raise ValueError(
            f"the S3 storage URL has {unknown[0]!r}; known are {', '.join(_S3_OPTIONS)}"
        )
    if len(options) != len(pairs):
        raise ValueError("the S3 storage URL gives an option twice")
    return options


def _read_flag(options: dict[str, str], name: str) -> bool:
    value = options.get(name, "false")
    if value not in ("true", "false"):
        raise ValueError(f"the S3 storage URL's {name} is true or false, not {value!r}")
    return value == "true"
