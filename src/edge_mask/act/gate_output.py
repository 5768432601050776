"""The gate's own output: on for who may pass, off in every other case. One thread, which waits for nobody.

vision ──open──▶ Mailbox ──▶ line on ──▶ off after open_for, after open_at_most at the latest
rules ──switch──▶  ┘                └──▶ off at once: at a stop, or when vision makes no progress
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final

from edge_mask.act.actions import Done, NotDone, Result
from edge_mask.act.line import OutputLine
from edge_mask.act.outputs import Outputs
from edge_mask.errors import EdgeMaskError
from edge_mask.messages import Fault
from edge_mask.rules.effects import HoldOutput, PulseOutput
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.handoff import Closed, Mailbox
from edge_mask.runtime.outage import Outage
from edge_mask.runtime.worker import Job
from edge_mask.units import Moment, Seconds

log = logging.getLogger(__name__)

_WAITING: Final = 256
_AT_A_TIME: Final = 64
_IDLE_WAIT: Final = 10.0
_LOOKS_EVERY: Final = 0.5
"""Seconds between two looks at vision while the line is on."""
_RETRY_WAIT: Final = 0.5
_PROBE_EVERY: Final = 5.0
"""Seconds between two tries of a line that failed."""
_STALE: Final = 3.0
"""A verdict this old opens nothing: its person has left, or this thread was held up."""
HUNG_AFTER: Final = Seconds(5.0)


@dataclass(frozen=True, slots=True)
class OpenPolicy:
    """How long the line is on."""

    open_for: Seconds = Seconds(3.0)
    at_most: Seconds = Seconds(30.0)
    """However many pass meanwhile."""


@dataclass(frozen=True, slots=True)
class _Pass:
    """Somebody may pass."""

    judged: Moment


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a rule or a command wants of this line."""

    action: HoldOutput | PulseOutput
    result: "Future[Result]" = field(default_factory=Future)


class GateOutput(Job):
    """`open` and `switch` may be called from any thread and return at once."""

    name = "gate output"
    patience = Seconds(20.0)  # a line's own patience ends first

    def __init__(
        self,
        name: str,
        line: OutputLine,
        policy: OpenPolicy,
        report: Callable[[Fault], None],
        clock: Clock,
        *,
        keep: Callable[[], None] = lambda: None,
    ) -> None:
        """`report` must not wait for the database; `keep` is called twice a second while the line is on."""
        self._keep = keep
        self._line = name
        self._outputs = Outputs({name: line})
        self._policy = policy
        self._clock = clock
        self._mailbox: Mailbox[_Pass | _Asked] = Mailbox(_WAITING)
        self._failure = Outage(f"output {name}", log, report, clock)
        self._hang = Outage("gate", log, report, clock)
        self._since = self._until = float("-inf")
        """The opening that is under way, or the last one."""
        self._probe_at = float("-inf")
        self.held_up_for: Callable[[Seconds], float] = lambda _now: 0.0
        """For how long vision has made no progress; set before the start."""

    def open(self, judged: Moment) -> None:
        """Somebody may pass, by a verdict of that moment."""
        try:
            if not self._mailbox.put(_Pass(judged), 0.0):
                log.error("output %s: too much is asked of it; it was not opened", self._line)
        except Closed:
            log.info("output %s: somebody may pass, but the daemon is stopping", self._line)

    def switch(self, action: HoldOutput | PulseOutput) -> "Future[Result]":
        """What a rule wants; off is off at once, also while somebody passes."""
        asked = _Asked(action)
        try:
            if not self._mailbox.put(asked, 0.0):
                asked.result.set_result(NotDone("dropped", "too many actions wait already"))
        except Closed:
            asked.result.set_result(NotDone("stopping", "the daemon is stopping"))
        return asked.result

    # -- the worker --------------------------------------------------------------------------------------

    def begin(self) -> None:
        self._probe()

    def step(self, stop: threading.Event) -> None:
        for entry in self._mailbox.take_many(_AT_A_TIME, self._patience()):
            if stop.is_set():
                return
            self._take(entry)
        now = self._clock.now().mono
        self._close_if_hung(now)
        self._keep_on()
        troubles = self._outputs.turn(now)
        if troubles:
            self._failure.begin("stuck", f"cannot be switched off: {troubles[self._line]}")
        elif self._failure.is_open and now >= self._probe_at:
            self._probe()

    def interrupt(self) -> None:
        self._mailbox.close()

    def end(self) -> None:
        self._outputs.close()
        for entry in self._mailbox.take_many(_WAITING, 0.0):
            if isinstance(entry, _Asked):
                entry.result.set_result(NotDone("stopping", "the daemon is stopping"))

    def _patience(self) -> float:
        now = self._clock.now().mono
        change = self._outputs.next_change(now)
        if self._failure.is_open:
            return _RETRY_WAIT
        if self._outputs.is_on(self._line):
            return _LOOKS_EVERY if change is None else min(_LOOKS_EVERY, change)
        return _LOOKS_EVERY if self._hang.is_open else _IDLE_WAIT

    def _take(self, entry: _Pass | _Asked) -> None:
        now = self._clock.now().mono
        try:
            match entry:
                case _Pass(judged=judged) if now - judged.mono > _STALE:
                    log.info("output %s: stays off, as the verdict is %.1f s old", self._line, now - judged.mono)
                case _Pass():
                    self._let_pass(now)
                case _Asked(action=action, result=result) if self._is_hung(now) and not _is_off(action):
                    result.set_result(NotDone("failed", "vision makes no progress; the gate stays closed"))
                    return
                case _Asked(action=action):
                    self._carry_out(action, now)
        except EdgeMaskError as error:
            self._failure.begin("failed", str(error))
            self._probe_at = now + _PROBE_EVERY
            if isinstance(entry, _Asked):
                entry.result.set_result(NotDone("failed", str(error)))
        else:
            if isinstance(entry, _Asked):
                entry.result.set_result(Done())

    def _let_pass(self, now: Seconds) -> None:
        """Open, or stay open for longer; `at_most` counts from when it was opened."""
        since = self._since if now < self._until else now
        until = min(max(self._until, now + self._policy.open_for), since + self._policy.at_most)
        self._outputs.pulse(self._line, now, Seconds(until - now))
        self._since, self._until = since, until
        self._failure.end()

    def _carry_out(self, action: HoldOutput | PulseOutput, now: Seconds) -> None:
        match action:
            case HoldOutput(on=on):
                self._outputs.hold(self._line, now, on=on)
                self._until = self._until if on else float("-inf")
            case PulseOutput(lasting=lasting):
                self._outputs.pulse(self._line, now, lasting)
        self._failure.end()

    def _close_if_hung(self, now: Seconds) -> None:
        if not self._is_hung(now):
            self._hang.end()
        elif self._outputs.is_on(self._line):
            text = f"vision has made no progress for {self.held_up_for(now):.0f} s; output {self._line} is off"
            self._hang.begin("hung", text)
            self._until = float("-inf")
            self._outputs.drop(self._line)

    def _keep_on(self) -> None:
        if not self._outputs.is_on(self._line):
            return
        try:
            self._keep()
        except EdgeMaskError as error:
            self._failure.begin("failed", str(error))
            self._until = float("-inf")
            self._outputs.drop(self._line)

    def _is_hung(self, now: Seconds) -> bool:
        return self.held_up_for(now) > HUNG_AFTER

    def _probe(self) -> None:
        """Claim the line and switch it off; what failed before is over when that works."""
        self._probe_at = self._clock.now().mono + _PROBE_EVERY
        if self._outputs.is_on(self._line):
            return
        troubles = self._outputs.open()
        if troubles:
            self._failure.begin("unavailable", troubles[self._line])
        else:
            self._failure.end()


def _is_off(action: HoldOutput | PulseOutput) -> bool:
    return isinstance(action, HoldOutput) and not action.on
