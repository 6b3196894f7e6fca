"""The remote jobs contract (§4): scripts run jobs and manage their schedules."""
