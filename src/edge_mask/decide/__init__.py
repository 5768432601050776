"""Gate visits and CCTV looks as state machines."""
