"""Fetches Newman, which plays the Postman collection in tests/postman.

.venv/bin/python scripts/newman.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from nodejs import install_locked

FOLDER: Final = Path(__file__).resolve().parent.parent / "tests" / "postman"

if __name__ == "__main__":
    install_locked(FOLDER, saying="Fetching what the Postman collection is played with")
