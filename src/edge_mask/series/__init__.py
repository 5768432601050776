"""A sensor's quantity over months: what is out of line in it, what it will be, and what was learned from it."""
