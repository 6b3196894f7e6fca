# /// script
# requires-python = ">=3.11"
# dependencies = []
# ///
"""The smallest package: one file. Upload it as it is; its entry point is `hello.greet`."""

from __future__ import annotations


def greet(name: str = "world") -> dict[str, str]:
    """Greets, in the log and in the result."""
    greeting = f"Hello, {name}!"
    print(greeting)
    return {"greeting": greeting}


if __name__ == "__main__":
    greet()
