"""Rule files, the effects of their rules on a message, and their export to AWS. The language is in `sql`."""
