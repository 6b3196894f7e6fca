"""Who calls and what they may do: tenants, projects, people, roles and sessions."""
