"""Notifications to telephones: what is said, whether now, and the couriers that take it to each target."""
