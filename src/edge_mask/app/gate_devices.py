"""What belongs to the gate besides its cameras: the sensor that sees people go through. Built only where configured.

vision ──visit──▶ GateDevices.emit ──▶ held until somebody goes through ──▶ recorder
       ──others────────────────────────────────────────────────────────────▶ recorder
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from edge_mask.messages import Alert, Event, Held, Settled, Visit
from edge_mask.recording.mail import Inbox
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.worker import Job
from edge_mask.sense.listener import Listener
from edge_mask.settings.feeds import GpioSensor, MqttSensor
from edge_mask.settings.model import Settings
from edge_mask.units import Moment, Seconds

if TYPE_CHECKING:  # what is not configured is not imported
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

    def emit(self, event: Event) -> None:
        """What vision has to say."""
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
