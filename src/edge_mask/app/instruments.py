"""The workers of all sensors of a house, and what others may ask of them.

one thread for each sensor that is read · one for each serial port · one for each GPIO line · one for all topics
"""

from collections import defaultdict
from collections.abc import Callable, Mapping

from edge_mask.app.drivers import sysfs_root
from edge_mask.app.sensors import gpio_feed, mqtt_feed, quality_of, sensor_of, serial_port, voice_of
from edge_mask.messages import Event, Heard, Message
from edge_mask.runtime.clock import Clock
from edge_mask.sense.feed import Feed
from edge_mask.sense.feed_meter import FeedMeter
from edge_mask.sense.listener import Listener
from edge_mask.sense.meter import Meter
from edge_mask.sense.mqtt_feed import MqttFeed, Subscribe
from edge_mask.sense.series import IsOutlier, State
from edge_mask.sense.tap import Tap
from edge_mask.settings.feeds import GpioSensor, MqttSensor, SerialSensor
from edge_mask.settings.model import Settings
from edge_mask.settings.sensors import Sensor


class Instruments:
    """Made once for a house."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        emit: Callable[[Event], None],
        on_heard: Callable[[Heard], None] | None = None,
        depth_of: Callable[[Message], int] = lambda _message: 0,
        listeners: Mapping[str, Listener] | None = None,
        is_outlier: IsOutlier | None = None,
    ) -> None:
        """`on_heard` gets what others publish on the topics of sensors, `depth_of` tells who did; `listeners` hear
        single sensors, by name; `is_outlier` is asked of each reading.

        Raises Refused.
        """
        self._depth_of = depth_of
        self.jobs: list[Meter | FeedMeter] = []
        self.finite: list[Meter | FeedMeter] = []
        """Those that end by themselves."""
        self._sensors = settings.sensors
        self._by_name: dict[str, Meter | FeedMeter] = {}
        self._clock = clock
        self._emit = emit
        self._listeners = listeners or {}
        self._is_outlier = is_outlier
        self._topics: MqttFeed | None = None
        self._build(on_heard)

    def subscribe_with(self, subscribe: Subscribe) -> None:
        """Hear the topics of sensors."""
        if self._topics is not None:
            self._topics.subscribe_with(subscribe)

    def tell_of_newcomers(self, tell: Callable[[str, str], None]) -> None:
        """`tell` gets the configured name and the whole one of each sensor that speaks by itself, once it does: an id
        comes in a line. Called before the start; `tell` must not wait."""
        for job in self.jobs:
            if isinstance(job, FeedMeter):
                job.on_newcomer = tell

    def tap(self, name: str, quantity: str) -> Tap:
        """Where the good readings of one series wait for decisions; one place for each series."""
        sensor = next(each for each in self._sensors if each.speaks_as(name))
        meter = self._by_name[sensor.name]
        return meter.tap() if isinstance(meter, Meter) else meter.tap(sensor.name, name, quantity)

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
                    hears = self._listeners.get(sensor.name)
                    policy, doubts = quality_of(sensor), self._is_outlier
                    meter = Meter(driver, self._clock, self._emit, policy=policy, listener=hears, is_outlier=doubts)
                    self._add(meter, sensor)
                    if sensor.kind == "replay" and not sensor.loop:
                        self.finite.append(self.jobs[-1])
        for sensors in ports.values():
            self._add_feed(serial_port(sensors, self._clock), *sensors)
        if heard:
            self._topics = mqtt_feed(heard, self._clock, on_heard, self._depth_of)
            self._add_feed(self._topics, *heard)

    def _add_feed(self, feed: Feed, *sensors: SerialSensor | MqttSensor | GpioSensor) -> None:
        voices = [voice_of(each) for each in sensors]
        hears, doubts = self._listeners, self._is_outlier
        self._add(FeedMeter(feed, voices, self._clock, self._emit, listeners=hears, is_outlier=doubts), *sensors)

    def _add(self, meter: Meter | FeedMeter, *sensors: Sensor) -> None:
        self.jobs.append(meter)
        self._by_name.update({sensor.name: meter for sensor in sensors})
