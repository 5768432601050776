"""The workers of all sensors of a house, and what others may ask of them.

one thread for each sensor that is read · one for each serial port · one for each GPIO line · one for all topics
"""

from collections import defaultdict
from collections.abc import Callable, Mapping

from edge_mask.app.drivers import sysfs_root
from edge_mask.app.sensors import gpio_feed, mqtt_feed, quality_of, sensor_of, serial_port, voice_of
from edge_mask.messages import Event, Heard, Reading
from edge_mask.runtime.clock import Clock
from edge_mask.sense.feed import Feed
from edge_mask.sense.feed_meter import FeedMeter
from edge_mask.sense.meter import Meter
from edge_mask.sense.mqtt_feed import MqttFeed, Subscribe
from edge_mask.sense.series import State
from edge_mask.sense.tap import Tap
from edge_mask.settings.feeds import GpioSensor, MqttSensor, SerialSensor
from edge_mask.settings.model import Settings
from edge_mask.settings.sensors import Sensor
from edge_mask.units import Moment, Seconds

_MAX_AGE = Seconds(10.0)
"""An older reading is not used in decisions; a slow sensor gets two of its intervals."""


class Instruments:
    """Made once for a house."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        emit: Callable[[Event], None],
        on_heard: Callable[[Heard], None] | None = None,
        taps: Mapping[str, Tap] | None = None,
    ) -> None:
        """`on_heard` gets what is published on the topics of sensors; `taps` hear single sensors, by name.

        Raises Refused.
        """
        self.jobs: list[Meter | FeedMeter] = []
        self.finite: list[Meter | FeedMeter] = []
        """Those that end by themselves."""
        self._sensors = settings.sensors
        self._by_name: dict[str, Meter | FeedMeter] = {}
        self._clock = clock
        self._emit = emit
        self._taps = taps or {}
        self._topics: MqttFeed | None = None
        self._build(on_heard)

    def subscribe_with(self, subscribe: Subscribe) -> None:
        """Hear the topics of sensors."""
        if self._topics is not None:
            self._topics.subscribe_with(subscribe)

    def latest(self, name: str, quantity: str) -> Callable[[Moment], Reading | None]:
        """What a decision may use of one series, now; None when nothing is young enough."""
        sensor = next((each for each in self._sensors if each.speaks_as(name)), None)
        if sensor is None:
            return lambda _now: None
        meter = self._by_name[sensor.name]
        pause = getattr(sensor, "interval", None) or Seconds(0.0)
        max_age = Seconds(max(_MAX_AGE, 2.0 * pause))
        if isinstance(meter, Meter):
            return lambda now: meter.latest(now.mono, max_age)
        return lambda now: meter.latest(now.mono, max_age, name, quantity)

    def states(self) -> Mapping[str, State]:
        """How each sensor is, by name."""
        found: dict[str, State] = {}
        for name, meter in self._by_name.items():
            found.update({name: meter.state} if isinstance(meter, Meter) else meter.states(name))
        return found

    def _build(self, on_heard: Callable[[Heard], None] | None) -> None:
        ports: dict[str, list[SerialSensor]] = defaultdict(list)
        heard: list[MqttSensor] = []
        for sensor in self._sensors:
            match sensor:
                case SerialSensor():
                    ports[sensor.path].append(sensor)
                case MqttSensor():
                    heard.append(sensor)
                case GpioSensor():
                    self._add_feed(gpio_feed(sensor, self._clock), sensor)
                case _:
                    driver = sensor_of(sensor, self._clock, sysfs_root())
                    tap = self._taps.get(sensor.name)
                    self._add(Meter(driver, self._clock, self._emit, policy=quality_of(sensor), tap=tap), sensor)
                    if sensor.kind == "replay" and not sensor.loop:
                        self.finite.append(self.jobs[-1])
        for sensors in ports.values():
            self._add_feed(serial_port(sensors, self._clock), *sensors)
        if heard:
            self._topics = mqtt_feed(heard, self._clock, on_heard)
            self._add_feed(self._topics, *heard)

    def _add_feed(self, feed: Feed, *sensors: SerialSensor | MqttSensor | GpioSensor) -> None:
        voices = [voice_of(each) for each in sensors]
        self._add(FeedMeter(feed, voices, self._clock, self._emit, taps=self._taps), *sensors)

    def _add(self, meter: Meter | FeedMeter, *sensors: Sensor) -> None:
        self.jobs.append(meter)
        self._by_name.update({sensor.name: meter for sensor in sensors})
