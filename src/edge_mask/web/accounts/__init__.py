"""Who may come in: users, API tokens, sessions, and delays that make guessing slow. Knows nothing of HTTP."""
