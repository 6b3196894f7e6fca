"""The folder of a request: there as long as the request, and not longer."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio

from treadle.api.integration_manager.uploads import request_folder


async def test_a_folder_goes_though_its_request_is_cancelled_again_and_again(
    tmp_path: Path,
) -> None:
    """As an answer is ended whose caller hung up, while all threads are busy."""
    loop, busy = asyncio.get_running_loop(), threading.Event()
    loop.set_default_executor(ThreadPoolExecutor(1))
    folders: list[Path] = []
    occupations: list[asyncio.Future[bool]] = []
    with anyio.CancelScope() as scope:
        async with request_folder(tmp_path) as folder:
            folders.append(folder)
            assert folder.is_dir()
            occupations.append(loop.run_in_executor(None, busy.wait, 60))
            scope.cancel()
            await anyio.sleep_forever()
    assert folders[0].is_dir()
    busy.set()
    assert await asyncio.gather(*occupations) == [True]
    # Behind the removal, in the only thread.
    await asyncio.to_thread(lambda: None)
    assert not folders[0].exists()
    assert list((tmp_path / "uploads").iterdir()) == []
