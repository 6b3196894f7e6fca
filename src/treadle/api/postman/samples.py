"""What the collection uploads. Postman keeps bodies as text, so all of it is ASCII."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any, Final

PACKAGE_NAME: Final = "hello.py"
ENTRY_POINT: Final = "hello.greet"
BOUNDARY: Final = "treadle-collection"
MULTIPART: Final = f"multipart/form-data; boundary={BOUNDARY}"
OUTPUT_NAME: Final = "greeting.txt"
PACKAGE: Final = f'''"""A package of one file."""

import os
import time
from pathlib import Path


def greet(country="AU", seconds=0):
    print(f"Hello, {{country}}!")
    time.sleep(seconds)
    (Path(os.environ["TREADLE_OUTPUT_DIR"]) / "{OUTPUT_NAME}").write_text(country)
    return {{"country": country}}
'''


_MOST_BLANKS: Final = 2000
"""One archive of sixteen is ASCII by chance."""


def multipart(*, file_name: str, content: str) -> str:
    """The body of a form with one file."""
    disposition = f'form-data; name="file"; filename="{file_name}"'
    return (
        f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n"
        f"Content-Type: application/octet-stream\r\n\r\n{content}\r\n--{BOUNDARY}--\r\n"
    )


def ascii_zip(name: str, content: dict[str, Any]) -> str:
    """A zip archive with this JSON, every byte of which is an ASCII character.

    Checksum, sizes and offsets are binary. Blanks behind the JSON change them until they fit.
    """
    text = json.dumps(content)
    for blanks in range(_MOST_BLANKS):
        packed = _zipped(name, text + " " * blanks)
        if packed.isascii():
            return packed.decode("ascii")
    raise ValueError(f"no archive of {name} is ASCII")


def _zipped(name: str, content: str) -> bytes:
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    # The usual rights of a file are not ASCII; "archive", as DOS says it, is.
    entry.external_attr = 0x20
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as opened:
        opened.writestr(entry, content)
    return archive.getvalue()


EXPORTED_JOB: Final = ascii_zip(
    "job.json",
    {"format": "treadle.job/1", "name": "Imported job", "description": "From an archive"},
)
"""What exporting a job gives, here of one without files."""
