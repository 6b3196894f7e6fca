"""Honest packages for tests, as bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping


def make_zip(files: Mapping[str, str | bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip as an ordinary tool makes it. A name that ends in a slash is a folder."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


# The package of the integration manager's tutorial.
SAMPLE_PACKAGE = {
    "integrateXYZ.py": "def process(name='world'):\n    return {'hello': name}\n",
    "README.txt": "A sample package.\n",
}
