"""What an `http` step sends and what it makes of an answer. Pure."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias
from urllib.parse import quote, urlencode

import httpx
import orjson

from treadle.core.errors import BadInput
from treadle.core.json import Json, dump
from treadle.integrations.outbound import Response

_TYPES: Final = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "xml": "application/xml",
    "raw": "text/plain; charset=utf-8",
}
_SHOWN: Final = 300
"""Characters of a failure's body that are told."""

Pairs: TypeAlias = Sequence[tuple[str, str]]


def text_of(value: Json) -> str:
    """A value as it stands in a query, a form or a header."""
    if isinstance(value, str):
        return value
    return dump(value).decode() if isinstance(value, bool | dict | list | None) else str(value)


def pairs_of(values: Mapping[str, Json]) -> list[tuple[str, str]]:
    """Names and values; a list gives its name once for each item, null gives nothing."""
    pairs: list[tuple[str, str]] = []
    for name, value in values.items():
        items: Iterable[Json] = value if isinstance(value, list) else [value]
        pairs += [(name, text_of(item)) for item in items if item is not None]
    return pairs


def with_query(url: str, pairs: Pairs) -> str:
    """The URL with these behind the query that it has."""
    if not pairs:
        return url
    address, mark, fragment = url.partition("#")
    joint = "&" if "?" in address else "?"
    return f"{address}{joint}{urlencode(pairs, quote_via=quote)}{mark}{fragment}"


def replaced_query(url: str, name: str, value: str) -> str:
    """The URL with one parameter set, whatever it was before."""
    address, _, query = url.partition("#")[0].partition("?")
    kept = [(key, old) for key, old in httpx.QueryParams(query).multi_items() if key != name]
    return with_query(address, [*kept, (name, value)])


def body_of(config: Mapping[str, Any], *, key: str) -> tuple[bytes | None, str | None]:
    """The bytes to send and their type: always the same for one key. Raises BadInput."""
    body: Json = config.get("body")
    if body is None:
        return None, None
    kind: str = config.get("body_type", "json")
    match kind:
        case "json":
            return dump(body), _TYPES[kind]
        case "form":
            return urlencode(pairs_of(_object(body))).encode(), _TYPES[kind]
        case "multipart":
            boundary = "treadle-" + hashlib.sha256(key.encode()).hexdigest()[:32]
            return _multipart(_object(body), boundary), f"multipart/form-data; boundary={boundary}"
        case _:
            return text_of(body).encode(), _TYPES.get(kind, _TYPES["raw"])


def _object(body: Json) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise BadInput("config.body: must be an object of fields", field="config.body")
    return body


def _multipart(fields: Mapping[str, Any], boundary: str) -> bytes:
    """A part a field; `{filename, content | base64, content_type}` is a file."""
    parts: list[bytes] = []
    for name, value in fields.items():
        head = f'Content-Disposition: form-data; name="{_quoted(name)}"'
        if isinstance(value, dict) and "filename" in value:
            head += f'; filename="{_quoted(str(value["filename"]))}"'
            kind = _line(str(value.get("content_type", "application/octet-stream")))
            head += f"\r\nContent-Type: {kind}"
            content = _file_content(value)
        else:
            content = text_of(value).encode()
        parts.append(f"--{boundary}\r\n{head}\r\n\r\n".encode() + content + b"\r\n")
    return b"".join(parts) + f"--{boundary}--\r\n".encode()


def _file_content(value: Mapping[str, Any]) -> bytes:
    if "base64" not in value:
        return text_of(value.get("content", "")).encode()
    try:
        return base64.b64decode(str(value["base64"]), validate=True)
    except ValueError:
        raise BadInput("config.body: a file's base64 is none", field="config.body") from None


def _quoted(text: str) -> str:
    return _line(text).replace("\\", "\\\\").replace('"', "%22")


def _line(text: str) -> str:
    return text.replace("\r", "%0D").replace("\n", "%0A")


def output_of(response: Response, body: Json) -> dict[str, Json]:
    """The step's output."""
    return {"status": response.status, "headers": _headers(response), "body": body}


def _headers(response: Response) -> dict[str, Json]:
    """Names in small letters; of several with one name, their values joined."""
    return {name.lower(): value for name, value in response.headers.items()}


def parsed_body(response: Response) -> Json:
    """JSON as its value, texts as they are, all else as base64; nothing is null."""
    if not response.body:
        return None
    kind, _, parameters = response.headers.get("content-type", "").lower().partition(";")
    kind = kind.strip()
    if kind == "application/json" or kind.endswith("+json"):
        try:
            return orjson.loads(response.body)
        except orjson.JSONDecodeError:
            return _text(response.body, parameters)
    textual = kind.startswith("text/") or kind.endswith(
        ("xml", "javascript", "x-www-form-urlencoded")
    )
    if textual or not kind:
        return _text(response.body, parameters)
    return base64.b64encode(response.body).decode()


def _text(body: bytes, parameters: str) -> str:
    _, _, named = parameters.partition("charset=")
    charset = named.split(";")[0].strip(" \"'") or "utf-8"
    try:
        return body.decode(charset, "replace")
    except LookupError:
        return body.decode(errors="replace")


def is_success(status: int, patterns: Sequence[str]) -> bool:
    """Whether one of `200`, `2xx`, … stands for the status."""
    text = str(status)
    return any(p == text or (p.endswith("xx") and p[0] == text[0]) for p in patterns)


def shown(response: Response) -> str:
    """The beginning of a failure's body, on one line."""
    text = " ".join(_text(response.body[: 4 * _SHOWN], "").split())
    text = "".join(sign for sign in text if sign.isprintable())
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def found_at(answer: Json, path: str) -> Json:
    """What stands at keys joined by dots; None where nothing does."""
    value: Any = answer
    for part in path.split("."):
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def next_link(response: Response) -> str | None:
    """The address of `rel=next` in the Link headers."""
    for link in response.headers.get_list("link"):
        found = httpx.Response(200, headers={"Link": link}).links.get("next")
        if found is not None:
            return found.get("url")
    return None


def approximate_size(value: Json) -> int:
    """Bytes of a value as JSON."""
    try:
        return len(dump(value))
    except TypeError:
        return len(json.dumps(value, default=str))
