"""Builds the documentation's site: `scripts/docs.py [folder]`, by default into docs/_build.

A warning (a link that leads nowhere, a page that is on no list) ends it with 1. The network is not
needed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sphinx.cmd.build import build_main

ROOT = Path(__file__).parents[1]


def main(arguments: list[str]) -> int:
    """The exit code."""
    folder = Path(arguments[0]) if arguments else ROOT / "docs" / "_build"
    options = ["--quiet", "--fail-on-warning", "--keep-going", "--builder", "html"]
    places = ["--conf-dir", str(ROOT / "docs"), "--doctree-dir", str(folder / ".doctrees")]
    code = build_main([*options, *places, str(ROOT), str(folder)])
    if code == 0:
        print(f"{folder / 'index.html'}")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
