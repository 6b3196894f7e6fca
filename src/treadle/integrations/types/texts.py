"""Values that several types have in common. Pure."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from treadle.integrations.addresses import is_host
from treadle.integrations.errors import OutboundRefused
from treadle.integrations.http_requests import parse_url

_SECRET_IN_HEADER: Final = re.compile(r"[\x21-\x7e]+")


def _url(text: str) -> str:
    try:
        parse_url(text)
    except OutboundRefused as error:
        raise ValueError(error.message.removeprefix("url: ")) from None
    return text


def _base_url(text: str) -> str:
    if "?" in _url(text) or "#" in text:
        raise ValueError("must have no query and no fragment")
    return text


def _host(text: str) -> str:
    if not is_host(text):
        raise ValueError("must be the name or the address of a host")
    return text


def _no_controls(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must not hold control characters")
    return text


def _header_secret(text: str) -> str:
    if not _SECRET_IN_HEADER.fullmatch(text):
        raise ValueError("must be ASCII without white space")
    return text


Url = Annotated[str, Field(max_length=2_048), AfterValidator(_url)]
BaseUrl = Annotated[str, Field(max_length=2_048), AfterValidator(_base_url)]
Host = Annotated[str, Field(max_length=253), AfterValidator(_host)]
Port = Annotated[int, Field(ge=1, le=65_535)]
Line = Annotated[str, Field(max_length=500), AfterValidator(_no_controls)]
Name = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_no_controls)]
Password = Annotated[str, Field(min_length=1, max_length=1_024), AfterValidator(_no_controls)]
HeaderSecret = Annotated[str, Field(min_length=1, max_length=8_192), AfterValidator(_header_secret)]
SecretUrl = Annotated[str, Field(max_length=2_048), AfterValidator(_url)]
