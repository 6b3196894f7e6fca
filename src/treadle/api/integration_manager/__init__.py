"""The integration manager's contract (seed 5): `/api/login`, `/api/users`, `/api/jobconfigs`, …"""
