"""A validated configuration and the house that it describes."""

import logging
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import TYPE_CHECKING

from edge_mask import __version__
from edge_mask.app.assembly import Assembly
from edge_mask.app.drivers import rule_files
from edge_mask.app.notify import target_names
from edge_mask.control.wishes import Wishes
from edge_mask.rules.rule_set import RuleSet
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.door import Door
from edge_mask.runtime.house import House
from edge_mask.settings.model import Settings

if TYPE_CHECKING:  # drags the connection to the nucleus in
    from edge_mask.control.component import Component

log = logging.getLogger(__name__)


class Plan:
    """A validated configuration; `build` makes its house, any number of times."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        *,
        before_build: Callable[[], object] = lambda: None,
        after_build: Callable[[], object] = lambda: None,
        refused: Iterable[str] = (),
        wishes: Wishes | None = None,
        may_do_without_model: bool = True,
        component: "Component | None" = None,
    ) -> None:
        """`refused` says why the overlay is not active; the first house reports it. Without `wishes` nothing is
        taken from outside. `may_do_without_model`: the daemon goes on where its package is broken. `component`: a
        nucleus has started this process.

        Raises ConfigurationError for a rule file that cannot be used.
        """
        self.settings = settings
        self._refused = list(refused)
        self._before_build = before_build
        self._after_build = after_build
        self._clock = clock
        self._wishes = wishes
        self._may_do_without_model = may_do_without_model
        self._has_stood = False
        self._component = component
        self._rules = RuleSet.load(rule_files(settings.rules), target_names(settings))

    def build(self, door: Door) -> House:
        """Build every part, start none. Raises ModelError, DatabaseError or Refused and then leaves nothing open."""
        self._before_build()
        with ExitStack() as undo:
            assembly = Assembly(
                self.settings, self._rules, self._clock, door, undo, self._wishes, self._component,
                may_do_without_model=self._may_do_without_model and self._is_first_or_again,
            )  # fmt: skip
            house = assembly.house()
            undo.pop_all()
        self._has_stood = True
        while self._refused:
            house.complain("configuration", "overlay_refused", self._refused.pop(0))
        self._after_build()
        log.info("%s", what_runs(self.settings))
        return house

    @property
    def _is_first_or_again(self) -> bool:
        """A new configuration whose model cannot be loaded is refused, and the old one stays."""
        return self._has_stood or (self._wishes is not None and self._wishes.loaded() is None)


def what_runs(settings: Settings) -> str:
    """One line for the log: who this is, what it looks at, where it sends."""
    cameras = ", ".join(f"{c.name} ({c.role}, {c.shown_source})" for c in settings.cameras) or "none"
    sensors = ", ".join(f"{s.name} ({s.kind})" for s in settings.sensors) or "none"
    mqtt = settings.mqtt
    elsewhere = {"none": "nowhere", "greengrass": "the Greengrass nucleus"}
    where = elsewhere.get(mqtt.transport, f"{mqtt.host}:{mqtt.port}")
    return (
        f"edge-mask {__version__} is {settings.device.thing_name}: cameras {cameras}; sensors {sensors};"
        f" messages to {where}; database {settings.outbox.path}"
    )
