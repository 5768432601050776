"""What a person sees: every page, each in a module of its own; `frame.py` is what they have in common."""

from edge_mask.web.pages import alerts, assets, figures, now, readings, visits

ROUTES = (assets.routes, now.routes, figures.routes, visits.routes, alerts.routes, readings.routes)
"""In the order of the navigation, after the static files."""
