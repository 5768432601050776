"""Rule files, what their rules make of a message, and the same rules for AWS. The language itself is in `sql`."""
