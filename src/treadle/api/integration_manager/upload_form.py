"""A multipart form with a file, read piece by piece as it comes."""

from __future__ import annotations

from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from treadle.core.errors import BadInput

_MAX_PARTS: Final = 20
_MAX_KEY_BYTES: Final = 1024  # longer than any file name: refused as one, not cut
_MAX_FIRST_LINE_BYTES: Final = 256

NOT_A_FORM: Final = "the body is not multipart/form-data"


class UploadForm:
    """Takes the fields `key` and `file` out of a form; what else it has is let pass.

    1. `feed` it the body; what it returns are the next bytes of the file.
    2. `close` it; then `key` and `filename` are known.
    """

    def __init__(self, content_type: str) -> None:
        self.key: str | None = None
        self.filename: str | None = None
        _, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        self._parser = self._parser_for(boundary) if boundary else None
        self._head = b""
        self._parts = 0
        self._disposition = b""
        self._header = b""
        self._value = b""
        self._part: str | None = None
        self._key = bytearray()
        self._pieces: list[bytes] = []
        self._is_whole = False

    def feed(self, data: bytes) -> list[bytes]:
        """The bytes of the file in this part of the body. Raises BadInput."""
        try:
            if self._parser is None:
                self._head += data
                self._parser = self._parser_by_first_line()
                data, self._head = self._head, b""
                if self._parser is None:
                    self._head = data
                    return []
            self._parser.write(data)
        except FormParserError:
            raise BadInput(NOT_A_FORM) from None
        pieces, self._pieces = self._pieces, []
        return pieces

    def close(self) -> None:
        """Raises BadInput for a form that is cut off, or has no file."""
        if not self._is_whole:
            raise BadInput(f"{NOT_A_FORM}, or is cut off")
        if self.filename is None:
            raise BadInput("file: is required, as a file", field="file")

    def _parser_by_first_line(self) -> MultipartParser | None:
        """Whoever sets the Content-Type by hand forgets the boundary, which the body begins with.

        None while too little has come to say.
        """
        line, end, _ = self._head.partition(b"\n")
        if not end and len(line) <= _MAX_FIRST_LINE_BYTES:
            return None
        boundary = line.rstrip(b"\r").removeprefix(b"--")
        if not end or not line.startswith(b"--") or not boundary:
            raise BadInput(f"{NOT_A_FORM}: it does not begin with a boundary")
        return self._parser_for(boundary)

    def _parser_for(self, boundary: bytes) -> MultipartParser:
        try:
            return MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin_part,
                    "on_header_field": self._add_header,
                    "on_header_value": self._add_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._open_part,
                    "on_part_data": self._add_data,
                    "on_part_end": self._end_part,
                    "on_end": self._end,
                },
            )
        except FormParserError:
            raise BadInput(NOT_A_FORM) from None

    def _begin_part(self) -> None:
        self._parts += 1
        if self._parts > _MAX_PARTS:
            raise BadInput(f"the form has more than {_MAX_PARTS} fields")
        self._disposition = b""

    def _add_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _open_part(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._part = _text(options.get(b"name", b""), "name")
        if self._part == "file" and b"filename" in options:
            if self.filename is not None:
                raise BadInput("file: stands there twice", field="file")
            self.filename = _text(options[b"filename"], "file")
        elif self._part == "key":
            self._key.clear()
        else:
            self._part = None

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        if self._part == "file":
            self._pieces.append(data[start:end])
        elif self._part == "key":
            self._key += data[start:end]
            if len(self._key) > _MAX_KEY_BYTES:
                raise BadInput(f"key: is over {_MAX_KEY_BYTES} bytes", field="key")

    def _end_part(self) -> None:
        if self._part == "key":
            self.key = _text(bytes(self._key), "key")
        self._part = None

    def _end(self) -> None:
        self._is_whole = True


def _text(raw: bytes, field: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise BadInput(f"{field}: is not UTF-8", field=field) from None
