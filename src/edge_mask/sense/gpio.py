"""A contact, a light barrier or a motion sensor on a GPIO line: each change of its level is a reading at its moment."""

from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from edge_mask.errors import TryLater
from edge_mask.gpio_chip import Line, library
from edge_mask.runtime.clock import Clock
from edge_mask.sense.feed import Said, Utterance
from edge_mask.sense.sensor import Identity
from edge_mask.units import Moment, Seconds, Unix

_MOST_A_SECOND: Final = 100
"""Changes of the level; a loose wire makes thousands."""
_BUFFER: Final = 1024
"""Changes that the kernel keeps for us."""


class GpioFeed:
    """A Feed of one line. Its level when it is opened is a reading, too: what came before was missed."""

    def __init__(
        self,
        identity: Identity,
        chip: str,
        line: int | str,
        *,
        clock: Clock,
        active_low: bool = False,
        bias: str | None = None,
        debounce: Seconds = Seconds(0.05),
    ) -> None:
        self._identity = identity
        self._clock = clock
        self._place = (chip, line)
        self._active_low = active_low
        self._bias = bias
        self._debounce = debounce
        self._request: Any = None
        self._rising: Any = None
        self._recent: deque[float] = deque(maxlen=_MOST_A_SECOND)

    @property
    def name(self) -> str:
        return f"{self._place[0]} line {self._place[1]}"

    def look(self) -> str:
        """Describe the line without taking it: the daemon may hold it. Raises TryLater or Refused."""
        return Line(library("a sensor"), *self._place).look()

    def listen(self, timeout: Seconds) -> Sequence[Utterance]:
        try:
            if self._request is None:
                return self._opened()
            if not self._request.wait_edge_events(timedelta(seconds=timeout)):
                return ()
            return [self._event(each) for each in self._request.read_edge_events()]
        except OSError as error:
            self.close()
            raise TryLater(f"{self.name}: cannot be read ({error.strerror})") from error

    def may_be_back(self) -> bool:
        return False

    def wake(self) -> None:
        """A wait ends after its timeout, which is short."""

    def close(self) -> None:
        request, self._request = self._request, None
        if request is not None:
            request.release()

    def _opened(self) -> Sequence[Utterance]:
        """Raises TryLater, or Refused when the library is missing or the line does not exist."""
        gpiod = library("a sensor")
        from gpiod.line import Bias, Direction, Edge, Value
        from gpiod.line import Clock as EventClock

        biases = {"pull-up": Bias.PULL_UP, "pull-down": Bias.PULL_DOWN, "disabled": Bias.DISABLED, None: Bias.AS_IS}
        settings = gpiod.LineSettings(
            direction=Direction.INPUT,
            edge_detection=Edge.BOTH,
            bias=biases[self._bias],
            active_low=self._active_low,
            debounce_period=timedelta(seconds=self._debounce),
            event_clock=EventClock.MONOTONIC,
        )
        line = Line(gpiod, *self._place)
        self._rising = gpiod.EdgeEvent.Type.RISING_EDGE
        self._request = line.taken(settings, event_buffer_size=_BUFFER)
        self._recent.clear()
        is_active = self._request.get_value(line.line) is Value.ACTIVE
        return [self._said(is_active, self._clock.now())]

    def _event(self, event: Any) -> Utterance:
        now = self._clock.now()
        at = Moment(
            Seconds(min(event.timestamp_ns / 1e9, now.mono)),
            Unix(now.wall - max(0.0, now.mono - event.timestamp_ns / 1e9)),
            now.synced,
        )
        self._recent.append(at.mono)
        if len(self._recent) == _MOST_A_SECOND and at.mono - self._recent[0] < 1.0:
            self.close()
            raise TryLater(f"{self.name}: changed {_MOST_A_SECOND} times within a second; a loose wire? see debounce")
        return self._said(event.event_type is self._rising, at)

    def _said(self, is_active: bool, at: Moment) -> Said:
        return Said(self._identity.name, self._identity.reading_at(float(is_active), self._identity.unit, at))
