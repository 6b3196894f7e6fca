"""Treadle: jobs, workflows and schedules through an API, for many tenants, on your own machines."""

from importlib.metadata import version

__version__ = version("treadle")
