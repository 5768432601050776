"""From `panels:` to the worker that reads them; nothing of it is imported, and no thread runs, without one."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from edge_mask.messages import Fault
from edge_mask.runtime.clock import Clock
from edge_mask.settings.model import Settings
from edge_mask.units import Bytes, Seconds

if TYPE_CHECKING:
    from edge_mask.settings.panels import Panel
    from edge_mask.web.panels.keeper import Keeper
    from edge_mask.web.site import PanelNow

_WITHIN: Final = Seconds(20.0)
_MOST: Final = Bytes(1_000_000)


def keeper_for(settings: Settings, report: Callable[[Fault], None], clock: Clock) -> "Keeper | None":
    """None without a panel, or without a page to show it."""
    if not settings.panels or not settings.web.enabled:
        return None
    from edge_mask.web.panels.keeper import Keeper
    from edge_mask.web.panels.kept import Kept

    kept = Kept(settings.outbox.path)
    return Keeper(settings.panels, kept, document_of, settings.device.zone, report, clock)


def shown_by(keeper: "Keeper") -> "Callable[[], Sequence[PanelNow]]":
    """What the page shows, asked for anew."""
    from edge_mask.web.site import PanelNow

    blank = {each.name: PanelNow(name=each.name, title=each.heading, unit=each.unit) for each in keeper.panels}

    def now() -> "list[PanelNow]":
        return [
            replace(
                blank[panel.name],
                at=None if found is None else found.at,
                points=() if found is None else [(point.label, point.value) for point in found.points],
                why=why,
            )
            for panel, found, why in keeper.shown()
        ]

    return now


def document_of(panel: "Panel") -> bytes:
    """Read anew. Raises TryLater."""
    from edge_mask.deliver.public_get import get

    return get(panel.url, within=_WITHIN, most=_MOST, now=time.monotonic, is_private_allowed=panel.private).body
