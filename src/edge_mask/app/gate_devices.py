"""What belongs to the gate besides its cameras: what opens it, and who went through. Built only where configured.

vision ──pass──▶ GateDevices.emit ──▶ output, at once
       ──visit─────────────────────▶ held until somebody goes through ──▶ recorder
       ──others───────────────────────────────────────────────────────▶ recorder
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edge_mask.act.actions import Switch
from edge_mask.act.line import OutputLine, line_for
from edge_mask.app.drivers import sysfs_root
from edge_mask.messages import Alert, Event, Held, Settled, Visit
from edge_mask.recording.mail import Inbox
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.worker import Job, Worker
from edge_mask.sense.listener import Listener
from edge_mask.settings.actuators import OutputSettings
from edge_mask.settings.feeds import GpioSensor, MqttSensor
from edge_mask.settings.model import Settings
from edge_mask.units import Moment, Seconds

if TYPE_CHECKING:  # what is not configured is not imported
    from edge_mask.act.gate_output import GateOutput
    from edge_mask.recording.passages import PassageDesk

_DEBOUNCE = Seconds(0.05)
"""For sensors that have no debounce of their own."""


class GateDevices:
    """Made once for a house."""

    def __init__(
        self,
        settings: Settings,
        inbox: Inbox,
        new_id: Callable[[Moment], str],
        clock: Clock,
    ) -> None:
        self._inbox = inbox
        self.pictured: Callable[[Event], Event] = lambda event: event
        """Gives an alert the picture of that moment, and returns at once."""
        self._settings = settings
        has_gate = any(camera.role == "gate" for camera in settings.cameras)
        self.desk = self._desk(new_id, clock) if has_gate and settings.gate.passage_sensor is not None else None
        self.output = self._output(clock) if settings.gate.output is not None else None

    def emit(self, event: Event) -> None:
        """What vision has to say. The gate opens before anything is written."""
        if isinstance(event, Visit) and self.output is not None and _is_there(event) and event.verdict == "pass":
            self.output.open(event.at)
        if isinstance(event, Visit) and self.desk is not None:
            self.desk.hold(event)
        else:
            self._inbox.emit(event)

    def _say(self, event: Held | Settled | Alert) -> None:
        self._inbox.emit(self.pictured(event) if isinstance(event, Alert) else event)

    @property
    def jobs(self) -> list[Job]:
        return [] if self.desk is None else [self.desk]

    @property
    def listeners(self) -> Mapping[str, Listener]:
        """Who hears a sensor, by its name."""
        name = self._settings.gate.passage_sensor
        return {} if self.desk is None or name is None else {name: self.desk}

    @property
    def on_connection(self) -> list[Callable[[bool], None]]:
        """Who is to be told that the connection to the broker came or went."""
        is_far = any(
            isinstance(sensor, MqttSensor) and sensor.name in self.listeners for sensor in self._settings.sensors
        )
        return [] if self.desk is None or not is_far else [self.desk.connection_changed]

    @property
    def switches(self) -> Mapping[str, Switch]:
        """Which lines are not those of rules alone."""
        name = self._settings.gate.output
        return {} if self.output is None or name is None else {name: self.output.switch}

    def last(self, lanes: Sequence[Worker]) -> list[Job]:
        """What is started last and stopped first. The output watches the lanes: when they hang, it is switched off."""
        if self.output is None:
            return []
        self.output.held_up_for = lambda now: max((lane.held_up_for(now) for lane in lanes), default=0.0)
        return [self.output]

    @property
    def is_settled(self) -> bool:
        """Whether nobody is waited for."""
        return self.desk is None or self.desk.is_settled

    def _desk(self, new_id: Callable[[Moment], str], clock: Clock) -> "PassageDesk":
        from edge_mask.decide.passage import PassagePolicy
        from edge_mask.recording.passages import PassageDesk

        gate = self._settings.gate
        sensor = next(each for each in self._settings.sensors if each.name == gate.passage_sensor)
        gates = [camera.name for camera in self._settings.cameras if camera.role == "gate"]
        policy = PassagePolicy(
            sensor=sensor.name,
            window=gate.passage_window,
            debounce=sensor.debounce if isinstance(sensor, GpioSensor) else _DEBOUNCE,
            tells_changes_only=isinstance(sensor, MqttSensor),
            camera=gates[0] if len(gates) == 1 else None,
        )
        return PassageDesk(policy, self._say, new_id, clock)

    def _output(self, clock: Clock) -> "GateOutput":
        from edge_mask.act.gate_output import GateOutput, OpenPolicy
        from edge_mask.act.guarded import GuardedLine

        gate = self._settings.gate
        output = next(each for each in self._settings.outputs if each.name == gate.output)
        policy = OpenPolicy(gate.open_for, gate.open_at_most)
        line = GuardedLine(output.kind, **_where(output), sysfs=sysfs_root())
        return GateOutput(output.name, line, policy, self._inbox.emit_at_once, clock, keep=line.keep)


def _is_there(visit: Visit) -> bool:
    """Whether a look decided it: one that is said of somebody who has left opens no gate."""
    return visit.time_to_verdict_ms is not None


def output_line(output: OutputSettings) -> OutputLine:
    """The driver of a configured output. Raises Refused."""
    return line_for(output.kind, **_where(output), sysfs=sysfs_root())


def _where(output: OutputSettings) -> dict[str, Any]:
    return {"path": output.path, "chip": output.chip, "line": output.line, "active_low": output.active_low}
