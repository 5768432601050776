"""Logs, the machine's figures, and messages to systemd."""
