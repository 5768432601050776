"""The one database: events and outbox."""
