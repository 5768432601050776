"""Carries out the device actions of rules, in a thread of its own.

recorder ──perform──▶ Mailbox ──▶ log · output lines            (full: counted, reported, never waited for)
         ◀──Future──            └──▶ Album ──▶ files            (a slow card holds up no gate)
"""

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final, Literal

from edge_mask.act.album import Album
from edge_mask.act.outputs import Outputs
from edge_mask.errors import EdgeMaskError, TryLater
from edge_mask.messages import Fault, Shot
from edge_mask.plural import counted
from edge_mask.rules.effects import EdgeAction, HoldOutput, KeepPicture, LogLevel, LogLine, PulseOutput
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.handoff import Closed, Mailbox
from edge_mask.runtime.outage import Outage
from edge_mask.runtime.worker import Finished, Job
from edge_mask.units import Seconds

log = logging.getLogger(__name__)
action_log = logging.getLogger("edge_mask.rules.action")

Newest = Callable[[str], Shot | None]
"""The newest look of a camera; None for an unknown camera, or before its first frame."""

_WAITING: Final = 256
_LEVELS: Final[dict[LogLevel, int]] = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_IDLE_WAIT: Final = 10.0
"""Longest sleep in seconds when nothing happens; a new action wakes the thread at once."""
_RETRY_WAIT: Final = 0.5
"""Seconds between two attempts to switch off a line that stays on."""
_LAST_MOMENT: Final = Seconds(1.0)


@dataclass(frozen=True, slots=True)
class Done:
    """The action was carried out."""

    snapshot: str | None = None
    """The file name of the picture that was kept."""


@dataclass(frozen=True, slots=True)
class NotDone:
    """The action failed for good."""

    code: Literal["failed", "dropped", "stopping"]
    text: str


Result = Done | NotDone
Switch = Callable[[HoldOutput | PulseOutput], "Future[Result]"]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A queued action and its result."""

    action: EdgeAction
    result: "Future[Result]" = field(default_factory=Future)


class Actions(Job):
    """`perform` may be called from any thread and returns at once."""

    name = "actions"
    drains = True

    def __init__(
        self,
        album: Album,
        outputs: Outputs,
        newest: Newest,
        emit: Callable[[Fault], None],
        clock: Clock,
        elsewhere: Mapping[str, Switch] | None = None,
    ) -> None:
        """`newest` is called in one of our threads and must return at once; `emit` may wait. Lines that somebody else
        owns are switched `elsewhere`, by name.

        A failing action of a rule is reported once, until it works again. Otherwise a rule about `errors` messages
        could cause new `errors` messages for ever.
        """
        self._album = album
        self._outputs = outputs
        self._newest = newest
        self._elsewhere = elsewhere or {}
        self._emit = emit
        self._clock = clock
        self._mailbox: Mailbox[_Asked] = Mailbox(_WAITING)
        self._outages: dict[tuple[str, str], Outage] = {}
        self._lock = threading.Lock()
        self._overload = Outage("actions", log, emit, clock)
        self._reported = 0
        self.dropped = 0
        """Actions that were not carried out because too many waited."""

    def perform(self, action: EdgeAction) -> "Future[Result]":
        """Queue the action; the future gets its result, unless the daemon ends first. Never waits.

        A full queue drops and counts the action; a stopping house ignores it.
        """
        if isinstance(action, HoldOutput | PulseOutput) and (switch := self._elsewhere.get(action.line)):
            return switch(action)
        asked = _Asked(action)
        try:
            if not self._mailbox.put(asked, timeout=0.0):
                self._drop(asked)
        except Closed:
            log.info("%s: %s came after the stop and was not carried out", action.by, action.kind)
            asked.result.set_result(NotDone("stopping", "the daemon is stopping"))
        return asked.result

    def _drop(self, asked: _Asked) -> None:
        self.dropped += 1
        asked.result.set_result(NotDone("dropped", "too many actions wait already"))

    # -- the worker --------------------------------------------------------------------------------------

    def begin(self) -> None:
        for name, trouble in self._outputs.open().items():
            self._failed(f"output {name}", "open", "unavailable", trouble)
        self._album.start()

    def step(self, stop: threading.Event) -> None:  # noqa: ARG002 (it drains: it ends when its mailbox is empty)
        waiting = self._mailbox.take_many(_WAITING, self._patience())
        for asked in waiting:
            self._carry_out(asked)
            self._turn_outputs()
        self._turn_outputs()
        self._report_overload()
        if not waiting and self._mailbox.is_closed:
            raise Finished

    def interrupt(self) -> None:
        self._mailbox.close()

    def end(self) -> None:
        """Switch every output line off, then finish the queued pictures."""
        self._outputs.close()
        if not self._album.close(_LAST_MOMENT):
            log.warning("snapshots: the disk is too slow, pictures may be missing")

    # -- one turn ----------------------------------------------------------------------------------------

    def _patience(self) -> Seconds:
        if self._is_out("outputs", "turn"):
            return Seconds(_RETRY_WAIT)
        change = self._outputs.next_change(self._clock.now().mono)
        return Seconds(_IDLE_WAIT if change is None else min(_IDLE_WAIT, change))

    def _carry_out(self, asked: _Asked) -> None:
        match asked.action:
            case LogLine(rule=rule, level=level, text=text):
                action_log.log(_LEVELS[level], "rule %s: %s", rule, text)
                asked.result.set_result(Done())
            case HoldOutput() | PulseOutput() as switch:
                self._attempt(asked, lambda: self._switch(switch))
            case KeepPicture() as picture:
                if not self._album.offer(lambda: self._attempt(asked, lambda: self._keep(picture))):
                    self._drop(asked)

    def _attempt(self, asked: _Asked, do: Callable[[], Done]) -> None:
        kind, component = asked.action.kind, asked.action.by
        result: Result
        try:
            result = do()
        except EdgeMaskError as error:
            result = NotDone("failed", str(error))
        except Exception as error:  # one failing action must not end the thread that closes gates
            log.exception("%s: a fault of our own", component)
            result = NotDone("failed", f"internal fault: {type(error).__name__}: {error}")
        if isinstance(result, Done):
            self._worked(component, kind)
        elif asked.action.rule:  # whoever sent a command is told, and reports it
            self._failed(component, kind, "action_failed", result.text)
        asked.result.set_result(result)

    def _switch(self, action: HoldOutput | PulseOutput) -> Done:
        now = self._clock.now().mono
        match action:
            case HoldOutput(line=line, on=on):
                self._outputs.hold(line, now, on=on)
            case PulseOutput(line=line, lasting=lasting):
                self._outputs.pulse(line, now, lasting)
        self._worked(f"output {action.line}", "open")
        return Done()

    def _turn_outputs(self) -> None:
        troubles = self._outputs.turn(self._clock.now().mono)
        if troubles:
            text = "; ".join(f"{name} cannot be switched off: {why}" for name, why in troubles.items())
            self._failed("outputs", "turn", "stuck", text)
        else:
            self._worked("outputs", "turn")

    def _report_overload(self) -> None:
        """Not in `perform`: its caller may be the recorder, which would wait for itself in `emit`."""
        dropped = self.dropped
        if dropped > self._reported:
            count = dropped - self._reported
            lost = counted(count, "action of rules was not carried out", "actions of rules were not carried out")
            self._overload.begin("dropped", f"{lost}: too many at once")
        elif not len(self._mailbox):
            self._overload.end()
        self._reported = dropped

    # -- in the thread of the pictures -----------------------------------------------------------------------

    def _keep(self, action: KeepPicture) -> Done:
        """`certain`: a rule asked for this picture, so it is no temporary one."""
        seen = self._newest(action.camera)
        if seen is None:
            raise TryLater(f'there is no picture of a camera "{action.camera}" (yet)')
        name = self._album.store.write(seen, action.reason, certain=True)
        log.info("%s: kept %s", action.by, name)
        return Done(name)

    # -- what is reported --------------------------------------------------------------------------------

    def _failed(self, component: str, kind: str, code: str, text: str) -> None:
        with self._lock:
            outage = self._outages.setdefault((component, kind), Outage(component, log, self._emit, self._clock))
        outage.begin(code, text)

    def _worked(self, component: str, kind: str) -> None:
        with self._lock:
            outage = self._outages.pop((component, kind), None)
        if outage is not None:
            outage.end()

    def _is_out(self, component: str, kind: str) -> bool:
        return (component, kind) in self._outages
