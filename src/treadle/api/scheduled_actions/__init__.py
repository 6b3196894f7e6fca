"""Scheduled actions (contract §6): schedules, their firings, and what they look at."""
