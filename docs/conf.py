"""How `make docs` makes a site of the Markdown pages, which are written to be read as they are.

The sources are the repository's own pages, so that every link is the same on the site and in the
repository. What the navigation shows is read from the lists of docs/index.md: a page that is on no
list, or a link that leads nowhere, is a warning, and every warning is an error.
"""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
_SOURCES = frozenset({"docs", "examples"})
_DECISIONS = "docs/adr/README"
_HEADING = re.compile(r"^## (.+)$")
_PAGE = re.compile(r"^- \[([^\]]+)\]\(([^)#:]+)\.md\)")

project = "Treadle"
copyright = "The Treadle authors"  # noqa: A001 - Sphinx' own name
root_doc = "docs/index"
extensions = ["myst_parser"]
myst_heading_anchors = 6
html_theme = "furo"
html_title = "Treadle"
html_extra_path = ["site"]
html_show_sphinx = False
nitpicky = True
exclude_patterns = [
    *sorted(path.name for path in ROOT.iterdir() if path.is_dir() and path.name not in _SOURCES),
    "docs/_build",
]


def add_navigation(app: Sphinx, docname: str, source: list[str]) -> None:
    """Below the start page, unseen: its lists as the tables of contents that Sphinx knows. The
    decisions are all that there are: a test holds their own list to that.
    """
    if docname == _DECISIONS:
        source[0] += "\n```{toctree}\n:hidden:\n:glob:\n\n[0-9]*\n```\n"
    if docname != root_doc:
        return
    trees: list[str] = []
    for line in source[0].splitlines():
        heading, page = _HEADING.match(line), _PAGE.match(line)
        if heading is not None:
            trees.append(f"```{{toctree}}\n:hidden:\n:caption: {heading[1]}\n")
        elif page is not None:
            trees[-1] += f"{page[1]} <{page[2]}>\n"
    source[0] += "".join(f"\n{tree}```\n" for tree in trees)


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", add_navigation)
