"""The Listener protocol: who hears one sensor beside what is kept of it."""

from typing import Protocol

from edge_mask.messages import Quality, Reading
from edge_mask.units import Moment


class Listener(Protocol):
    """Called in the sensor's thread; every call returns at once."""

    def said(self, reading: Reading) -> None:
        """A good value, whether it is kept or not."""
        ...

    def stands(self, reading: Reading) -> None:
        """A value that was said some time ago, nobody knows when: what is so now."""
        ...

    def gone(self, at: Moment) -> None:
        """The sensor is away, silent, or says what cannot be believed."""
        ...


def hear(listener: Listener, judged: Reading) -> None:
    """Pass a judged reading on: one that cannot be believed is as good as none."""
    if judged.quality is Quality.GOOD:
        listener.said(judged)
    else:
        listener.gone(judged.at)
