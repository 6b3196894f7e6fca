"""Mail to people: an outbox in the database, and what empties it over SMTP."""
