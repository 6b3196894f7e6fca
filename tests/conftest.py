"""Fixtures that all tests have; each family stands in its own file of `fixtures`."""

pytest_plugins = [
    "fixtures.database",
    "fixtures.jobs",
    "fixtures.server",
    "fixtures.workers",
]
