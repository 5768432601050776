"""What records: events come in, and one transaction keeps each with all that follows from it."""
