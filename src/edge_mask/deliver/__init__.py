"""Transports and the courier that empties the outbox."""
