"""Model packages: card, files, golden pictures; where they lie, how they are installed, verified and loaded."""
