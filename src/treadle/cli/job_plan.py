"""Jobs of a file of `treadle apply`."""

from __future__ import annotations

from typing import Any

from treadle.cli.changes import Change, Difference, differences
from treadle.cli.desired import DesiredJob
from treadle.client import Job, Treadle


def plan_job(treadle: Treadle, wanted: DesiredJob, found: Job | None) -> Change:
    """What is done to the job."""
    runtime = {"entry_point": wanted.entry_point}
    if wanted.package is not None:
        runtime["package"] = wanted.package.name
    settings = {name: value for name, value in runtime.items() if value is not None}
    after = {**wanted.fields, **settings}
    before: dict[str, Any] = {}
    if found is not None:
        config = found.runtime_config
        before = {name: getattr(found, name) for name in wanted.fields}
        before["entry_point"] = config and config.entry_point
        before["package"] = config and config.package_name
    different = differences(before, after)
    changed = {each.field: each.after for each in different}
    upload = wanted.package
    if upload is not None and found is not None:
        is_there = treadle.jobs.has(found.id, upload.name, upload.read_bytes())
        upload = None if is_there else upload
    if upload is not None:
        different.append(Difference("content", None, f"{upload} is uploaded"))

    def work() -> None:
        job_id = treadle.jobs.create(wanted.name, **after).id if found is None else found.id
        if upload is not None:
            treadle.jobs.upload(job_id, upload)
        if found is not None and changed:
            # A package's name alone would take its entry point away.
            treadle.jobs.update(job_id, **{**settings, **changed})

    verb = "create" if found is None else "change" if different else "keep"
    return Change(verb, "job", wanted.name, tuple(different), (), work)
