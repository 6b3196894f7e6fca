from __future__ import annotations

import asyncio
import hashlib
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from packages.attack_archives import slip_out_of_the_folder
from packages.samples import SAMPLE_PACKAGE, make_zip
from treadle.core.errors import BadInput
from treadle.packages import cache as cache_module
from treadle.packages.cache import CorruptPackage, PackageCache
from treadle.packages.limits import ArchiveLimits

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


class Store:
    """One stored upload, which counts how often it is fetched."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.sha256 = hashlib.sha256(data).hexdigest()
        self.fetched = 0

    async def fetch(self, to: Path) -> None:
        self.fetched += 1
        await asyncio.to_thread(to.write_bytes, self.data)


@pytest.fixture
def cache(tmp_path: Path) -> PackageCache:
    return PackageCache(cache=tmp_path, limits=ArchiveLimits())


async def _ensure(
    cache: PackageCache, store: Store, *, name: str = "package.zip", tenant: str = "t1"
) -> Path:
    return await cache.ensure_unpacked(
        tenant=tenant, sha256=store.sha256, name=name, now=NOW, fetch=store.fetch
    )


async def test_unpacked_once(cache: PackageCache, tmp_path: Path) -> None:
    store = Store(make_zip(SAMPLE_PACKAGE))
    folders = await asyncio.gather(*(_ensure(cache, store) for _ in range(5)))

    assert set(folders) == {tmp_path / "packages" / "t1" / store.sha256}
    assert sorted(path.name for path in folders[0].iterdir()) == sorted(SAMPLE_PACKAGE)
    assert store.fetched == 1


async def test_tenants_share_nothing(cache: PackageCache) -> None:
    store = Store(make_zip(SAMPLE_PACKAGE))

    assert await _ensure(cache, store) != await _ensure(cache, store, tenant="t2")
    assert store.fetched == 2


async def test_one_source_under_two_names_is_two_packages(cache: PackageCache) -> None:
    store = Store(b"print(1)\n")
    one = await _ensure(cache, store, name="one.py")
    two = await _ensure(cache, store, name="two.py")

    assert [path.name for path in one.iterdir()] == ["one.py"]
    assert [path.name for path in two.iterdir()] == ["two.py"]


async def test_changed_bytes_are_refused(cache: PackageCache, tmp_path: Path) -> None:
    store = Store(make_zip(SAMPLE_PACKAGE))
    store.data += b"x"

    with pytest.raises(CorruptPackage, match="has the checksum"):
        await _ensure(cache, store)
    assert not (tmp_path / "packages" / "t1" / store.sha256).exists()


async def test_archive_is_checked_again(cache: PackageCache) -> None:
    with pytest.raises(BadInput, match="leads out of the archive"):
        await _ensure(cache, Store(slip_out_of_the_folder().data))


async def test_failed_fetch_is_the_callers_error(cache: PackageCache, tmp_path: Path) -> None:
    async def fetch(to: Path) -> None:
        raise ConnectionError("storage is away")

    with pytest.raises(ConnectionError, match="storage is away"):
        await cache.ensure_unpacked(
            tenant="t1", sha256="0" * 64, name="package.zip", now=NOW, fetch=fetch
        )
    assert list((tmp_path / "packages" / "t1" / ".building").iterdir()) == []


async def test_cancel_waits_for_the_unpacking_thread(
    cache: PackageCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(make_zip(SAMPLE_PACKAGE))
    started, go_on = threading.Event(), threading.Event()
    really_unpack = cache_module.unpack

    def slow_unpack(path: Path, *, name: str, into: Path, limits: ArchiveLimits) -> None:
        started.set()
        assert go_on.wait(timeout=30)
        really_unpack(path, name=name, into=into, limits=limits)

    monkeypatch.setattr(cache_module, "unpack", slow_unpack)
    task = asyncio.create_task(_ensure(cache, store))
    assert await asyncio.to_thread(started.wait, 30)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=0.05)
    assert not done
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert list((tmp_path / "packages" / "t1" / ".building").iterdir()) == []
    assert not (tmp_path / "packages" / "t1" / store.sha256).exists()


async def test_prune(cache: PackageCache) -> None:
    store = Store(make_zip(SAMPLE_PACKAGE))
    folder = await _ensure(cache, store)
    day = timedelta(days=1)

    assert cache.prune(older_than=day, now=NOW + day) == 0
    assert cache.prune(older_than=day, now=NOW + 2 * day) == 1
    assert not folder.exists()
