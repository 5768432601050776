"""What the nucleus tells of its own accord, kept for the worker of the house that runs, or of the next one."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, Full, Queue
from typing import Any, Final

from edge_mask.errors import EdgeMaskError
from edge_mask.nucleus.nucleus import Nucleus
from edge_mask.nucleus.requests import (
    ComponentUpdate,
    Proposal,
    Request,
    component_updates,
    configuration_proposals,
    configuration_updates,
)

log = logging.getLogger(__name__)

_MOST_WAITING: Final = 32


@dataclass(frozen=True, slots=True)
class Changed:
    """A deployment has changed a key of the configuration."""


@dataclass(frozen=True, slots=True)
class Document:
    """The configuration, as it was asked for; None when the nucleus did not tell it."""

    content: Any


Item = Changed | Document | ComponentUpdate | Proposal


class News:
    """A bounded queue that the connection only puts into. Subscribed once: what comes between two houses waits."""

    def __init__(self, nucleus: Nucleus) -> None:
        self._nucleus = nucleus
        self._items: Queue[Item | None] = Queue(_MOST_WAITING)
        self._follows = [
            self._follow(configuration_updates(), lambda _key_path: Changed()),
            self._follow(component_updates(), lambda update: update),
            self._follow(configuration_proposals(), lambda proposal: proposal),
        ]
        self.has_connected = threading.Event()
        """For the first time or again: something may have changed meanwhile."""
        self._leave = nucleus.watch(self._on_state)

    def _on_state(self, connected: bool, _reason: str) -> None:
        if connected:
            self.has_connected.set()
            self.put(None)

    def put(self, item: Item | None) -> None:
        """Never waits; None wakes whoever takes."""
        try:
            self._items.put_nowait(item)
        except Full:  # the nucleus asks again, and the next connection reads everything
            log.debug("greengrass: more happens than is worked off")

    def take(self, timeout: float) -> Item | None:
        """The next item; None after `timeout` seconds, or when woken."""
        try:
            return self._items.get(timeout=timeout) if timeout > 0 else self._items.get_nowait()
        except Empty:
            return None

    def close(self) -> None:
        """End the subscriptions."""
        self._leave()
        for follow in self._follows:
            self._nucleus.leave(follow)

    def _follow(self, request: Request[Any], about: Callable[[Any], Item]) -> Any:
        def answered(error: EdgeMaskError | None) -> None:
            if error is not None:  # nucleus lite does not know deployments that wait, nor configurations to judge
                log.debug("greengrass: %s", error)

        return self._nucleus.follow(request, lambda event: self.put(about(event)), answered)
