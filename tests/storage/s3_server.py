"""A real S3 server process (moto) on loopback, for the tests that need one."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx

_START_SECONDS = 60.0


@contextmanager
def run_s3_server(log: Path) -> Generator[str]:
    """Yield the server's address; the process is gone afterwards."""
    with log.open("wb") as output:
        # Another process may take the free port before the server does: then the next is tried.
        for _ in range(5):
            port = _free_port()
            process = subprocess.Popen(
                [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            try:
                address = f"http://127.0.0.1:{port}"
                if _wait_until_ready(process, address):
                    yield address
                    return
            finally:
                process.terminate()
                process.wait(timeout=10)
    raise RuntimeError(f"the S3 server did not start: {log.read_text()[-2000:]}")


def create_bucket(address: str, bucket: str) -> None:
    """Make an empty bucket on the server."""
    httpx.put(f"{address}/{bucket}").raise_for_status()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_until_ready(process: subprocess.Popen[bytes], address: str) -> bool:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if httpx.get(f"{address}/moto-api/data.json", timeout=5).is_success:
                return True
        except httpx.TransportError:
            time.sleep(0.05)
    return False
