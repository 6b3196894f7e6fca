"""What the jobs domain is given once, at start."""

from __future__ import annotations

from dataclasses import dataclass

from treadle.core.sealing import Sealer
from treadle.packages.archives import ArchiveLimits
from treadle.storage.storage import Storage


@dataclass(frozen=True, slots=True)
class JobsContext:
    """The parts and limits that jobs and their runs need. `queue_bound`: entries a tenant."""

    sealer: Sealer
    storage: Storage
    queue_bound: int
    archive_limits: ArchiveLimits
