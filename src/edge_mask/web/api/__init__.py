"""`/api/v1`: what is kept, as JSON in the shapes of the messages."""
