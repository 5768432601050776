"""What a person sees: every page, each in a module of its own; `frame.py` is what they have in common."""
