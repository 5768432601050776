"""Public figures (`panels:`): read once a day, kept, shown; not imported without a panel."""
