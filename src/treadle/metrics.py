"""What this process counts and measures, in a registry of its own; `/metrics` prints it.

Nothing here names a tenant: labels are states, lanes and route patterns, so that their number is
bounded and the page can be read by whoever runs the machine.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from treadle.schedules.decisions import FiringStatus

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_REQUEST_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LATENESS_SECONDS: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300, 3600)


class Metrics:
    """The instruments of one process. Several may live side by side (tests do that)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        # Each registers itself; the process and interpreter figures are what every board expects.
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)

        self.runs_finished = Counter(
            "treadle_runs_finished_total",
            "Runs that reached a final state, by that state.",
            ["status"],
            registry=self.registry,
        )
        self.executions_finished = Counter(
            "treadle_executions_finished_total",
            "Workflow executions that reached a final status, by that status.",
            ["status"],
            registry=self.registry,
        )
        self.firings = Counter(
            "treadle_firings_total",
            "Due times of schedules, by what became of them.",
            ["status"],
            registry=self.registry,
        )
        self.firing_lateness = Histogram(
            "treadle_firing_lateness_seconds",
            "Seconds between a due time and the start of what it started.",
            registry=self.registry,
            buckets=_LATENESS_SECONDS,
        )
        self.queue_entries = Gauge(
            "treadle_queue_entries",
            "Entries by lane and state: queued or picked in the queue, waiting over their "
            "tenant's bound, or timed. Read from the database when this page is.",
            ["lane", "state"],
            registry=self.registry,
        )
        self.http_requests = Counter(
            "treadle_http_requests_total",
            "Requests answered, by method, route pattern and status.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.http_request_seconds = Histogram(
            "treadle_http_request_seconds",
            "Seconds from a request's head to the head of its answer.",
            ["method", "route"],
            registry=self.registry,
            buckets=_REQUEST_SECONDS,
        )

    def count_firing(self, status: FiringStatus, lateness_seconds: float | None) -> None:
        """Counts a firing that is over, or measures one that starts."""
        if lateness_seconds is not None:
            self.firing_lateness.observe(lateness_seconds)
        if status not in (FiringStatus.PENDING, FiringStatus.RUNNING):
            self.firings.labels(status).inc()

    def page(self) -> bytes:
        """All instruments in Prometheus' text format."""
        return generate_latest(self.registry)
