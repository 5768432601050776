"""`/api/v1`: what is kept, as JSON in the shapes of the messages."""

from collections.abc import Callable, Sequence
from typing import Final

from starlette.routing import BaseRoute

from edge_mask.web.api import description, export, history, pictures, readings, upkeep
from edge_mask.web.site import Site

ROUTES: Final[Sequence[Callable[[Site], Sequence[BaseRoute]]]] = (
    export.routes,
    history.routes,
    readings.routes,
    pictures.routes,
    upkeep.routes,
    description.routes,
)
