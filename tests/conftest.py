"""Fixtures that all tests have; each family stands in its own file of `fixtures`."""

pytest_plugins = [
    "fixtures.database",
    "fixtures.integrations",
    "fixtures.jobs",
    "fixtures.outside",
    "fixtures.executions",
    "fixtures.schedules",
    "fixtures.server",
    "fixtures.mail",
    "fixtures.workers",
    "fixtures.entities",
]
