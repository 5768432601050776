"""Shows the daemon at work on bundled input, with its own broker."""
