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
        """Take every line and switch it off; the ones that cannot be had now, and why (they are tried at each use)."""
        troubles: dict[str, str] = {}
        for name, line in self._lines.items():
            try:
                line.open()
            except EdgeMaskError as error:
                troubles[name] = str(error)
        return troubles

    def hold(self, name: str, now: Seconds, *, on: bool) -> None:
        """On until told otherwise, or off now, whatever pulse there is. Raises Refused, TryLater."""
        state = self._state(name)
        before = (state.is_held, state.pulse_until)
        state.is_held = on
        if not on:
            state.pulse_until = float("-inf")
        self._carry_out(name, state, now, before)

    def pulse(self, name: str, now: Seconds, lasting: Seconds) -> None:
        """On for `lasting`; one that comes during another makes it last longer, never shorter."""
        state = self._state(name)
        before = (state.is_held, state.pulse_until)
        state.pulse_until = max(state.pulse_until, now + lasting)
        self._carry_out(name, state, now, before)

    def next_change(self, now: Seconds) -> Seconds | None:
        """Seconds until a pulse ends; None when none is running."""
        ends = [state.pulse_until for state in self._states.values() if state.is_on and not state.is_held]
        return Seconds(max(0.0, min(ends) - now)) if ends else None

    def turn(self, now: Seconds) -> dict[str, str]:
        """End the pulses that are over; the lines that could not be switched off, and why (tried again each turn)."""
        troubles: dict[str, str] = {}
        for name, state in self._states.items():
            if state.is_on and not state.wants(now):
                try:
                    self._switch(name, state, on=False)
                except EdgeMaskError as error:
                    troubles[name] = str(error)
        return troubles

    def close(self) -> None:
        """Every line off, and given back."""
        for name, line in self._lines.items():
            line.close()
            self._states[name] = _State()

    def _state(self, name: str) -> _State:
        if name not in self._states:
            known = ", ".join(self._states) or "none; configure it under outputs"
            raise Refused(f'there is no output "{name}"; there are: {known}')
        return self._states[name]

    def _carry_out(self, name: str, state: _State, now: Seconds, before: tuple[bool, float]) -> None:
        """Switch; what failed leaves no wish behind, so that a line does not go on later out of the blue."""
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
