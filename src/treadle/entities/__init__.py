"""Definitions of entities and their records: the data that relative schedules look at.

`definitions` and `records` are what callers do; `due` is what schedules ask. The rules are pure and
stand alone: `schemas` (what a JSON Schema may be, and what data breaks it), `data` (how large data
may be), `dates` (which day a field says) and `filters` (which records a schedule means).
"""
