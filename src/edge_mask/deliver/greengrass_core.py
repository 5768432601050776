"""Whether the nucleus is connected to AWS IoT Core, as it tells itself; older ones do not."""

from collections.abc import Callable

from edge_mask.errors import EdgeMaskError
from edge_mask.nucleus.nucleus import Follow, Nucleus
from edge_mask.nucleus.requests import core_connection


class CoreConnection:
    """Follows the nucleus from `begin` to `end`, over its restarts. Any thread may look."""

    def __init__(self) -> None:
        self.is_away = False
        """It has said that AWS IoT Core is away."""
        self.is_awaited = True
        """It may still say how it is."""
        self.on_change: Callable[[], object] = lambda: None
        """Called from any thread."""
        self._nucleus: Nucleus | None = None
        self._follow: Follow | None = None
        self._leave: Callable[[], None] = lambda: None

    def begin(self, nucleus: Nucleus) -> None:
        self._nucleus = nucleus
        self._leave = nucleus.watch(self._when_nucleus)
        self._follow = nucleus.follow(core_connection(), self._when_told, self._when_answered)

    def end(self) -> None:
        self._leave()
        if self._nucleus is not None and self._follow is not None:
            self._nucleus.leave(self._follow)

    def ask_again(self) -> None:
        """A new stream begins with how it is now."""
        if self._nucleus is not None and self._follow is not None:
            self._nucleus.renew(self._follow)

    def _when_nucleus(self, is_connected: bool, _reason: str) -> None:
        if not is_connected:
            self._set(is_away=False, is_awaited=True)

    def _when_told(self, is_connected: bool) -> None:
        """First of all right after the nucleus has agreed."""
        self._set(is_away=not is_connected, is_awaited=False)

    def _when_answered(self, error: EdgeMaskError | None) -> None:
        if error is not None:
            self._set(is_away=False, is_awaited=False)

    def _set(self, *, is_away: bool, is_awaited: bool) -> None:
        self.is_away, self.is_awaited = is_away, is_awaited
        self.on_change()
