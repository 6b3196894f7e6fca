"""Fails at its first attempts and then succeeds. Give the job `"maxRetries": 3` to see it through.

Set `"retryBackoffSeconds": 1`, or it waits a minute before the second attempt and two before the
third.
"""

from __future__ import annotations

from typing import Any


def fetch(context: Any, failures: int = 2) -> dict[str, object]:
    """Raises in the first `failures` attempts. Every attempt writes to the same run's log."""
    print(f"Attempt {context.attempt} of run {context.run_id}")
    if context.attempt <= failures:
        raise ConnectionError(f"the other side did not answer (attempt {context.attempt})")
    print("The other side answered")
    return {"attempt": context.attempt}
