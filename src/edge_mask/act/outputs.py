"""The named output lines: on, off, or on for a while. Time is an argument."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from edge_mask.act.line import OutputLine
from edge_mask.errors import EdgeMaskError, Refused
from edge_mask.units import Seconds

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _State:
    """A line is on while it is held, and while a pulse lasts."""

    is_held: bool = False
    pulse_until: float = float("-inf")
    is_on: bool = False

    def wants(self, now: float) -> bool:
        return self.is_held or now < self.pulse_until


class Outputs:
    """Owned by one thread, which calls `turn` when `next_change` says so."""

    def __init__(self, lines: Mapping[str, OutputLine]) -> None:
        self._lines = dict(lines)
        self._states = {name: _State() for name in lines}

    def open(self) -> dict[str, str]:
        """Claim every line and switch it off. Returns why lines failed; each use tries them again."""
        troubles: dict[str, str] = {}
        for name, line in self._lines.items():
            try:
                line.open()
            except EdgeMaskError as error:
                troubles[name] = str(error)
        return troubles

    def hold(self, name: str, now: Seconds, *, on: bool) -> None:
        """Switch on until further notice, or off at once, also during a pulse. Raises Refused, TryLater."""
        state = self._state(name)
        before = (state.is_held, state.pulse_until)
        state.is_held = on
        if not on:
            state.pulse_until = float("-inf")
        self._carry_out(name, state, now, before)

    def pulse(self, name: str, now: Seconds, lasting: Seconds) -> None:
        """Switch on for `lasting` seconds; a second pulse may prolong the first, never shorten it."""
        state = self._state(name)
        before = (state.is_held, state.pulse_until)
        state.pulse_until = max(state.pulse_until, now + lasting)
        self._carry_out(name, state, now, before)

    def drop(self, name: str) -> None:
        """Nobody wants it on any more: the next `turn` switches it off, and tries until it is."""
        state = self._state(name)
        state.is_held, state.pulse_until = False, float("-inf")

    def is_on(self, name: str) -> bool:
        """Whether it was switched on and not yet off again."""
        return self._state(name).is_on

    def next_change(self, now: Seconds) -> Seconds | None:
        """Seconds until a pulse ends; None when none is running."""
        ends = [state.pulse_until for state in self._states.values() if state.is_on and not state.is_held]
        return Seconds(max(0.0, min(ends) - now)) if ends else None

    def turn(self, now: Seconds) -> dict[str, str]:
        """End the pulses that are over. Returns the lines that failed, with the reason; each turn tries them again."""
        troubles: dict[str, str] = {}
        for name, state in self._states.items():
            if state.is_on and not state.wants(now):
                try:
                    self._switch(name, state, on=False)
                except EdgeMaskError as error:
                    troubles[name] = str(error)
        return troubles

    def close(self) -> None:
        """Switch every line off and release it."""
        for name, line in self._lines.items():
            line.close()
            self._states[name] = _State()

    def _state(self, name: str) -> _State:
        if name not in self._states:
            known = ", ".join(self._states) or "none; configure it under outputs"
            raise Refused(f'there is no output "{name}"; there are: {known}')
        return self._states[name]

    def _carry_out(self, name: str, state: _State, now: Seconds, before: tuple[bool, float]) -> None:
        """Switch. A failure also undoes the request: a line must not go on by itself later."""
        try:
            self._switch(name, state, on=state.wants(now))
        except EdgeMaskError:
            if state.wants(now):
                state.is_held, state.pulse_until = before
            raise

    def _switch(self, name: str, state: _State, *, on: bool) -> None:
        self._lines[name].set(on=on)
        if state.is_on is not on:
            log.debug("output %s: %s", name, "on" if on else "off")
        state.is_on = on
