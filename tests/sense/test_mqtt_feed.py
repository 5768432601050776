"""Sensors on topics: what a broker has kept is no reading, what says that it is offline has none."""

import threading

from tests.sense.ports import listen_until, reasons_of, values_of

from edge_mask.json_path import parse
from edge_mask.messages import Heard, Message, Priority
from edge_mask.runtime.clock import ManualClock
from edge_mask.sense.feed import Back, Gone, Stands, Utterance
from edge_mask.sense.mqtt_feed import Ear, MqttFeed
from edge_mask.sense.sensor import Identity
from edge_mask.units import Seconds

HALL, THERE = "zigbee2mqtt/hall", "zigbee2mqtt/hall/availability"
WARM = b'{"temperature":21.5,"humidity":40}'


def ears() -> list[Ear]:
    return [
        Ear(Identity("hall"), HALL, parse("temperature"), THERE),
        Ear(Identity("hall-rh", "humidity", "%"), HALL, parse("humidity")),
        Ear(Identity("door", "contact", ""), "shellies/door/state", is_state=True),
    ]


def message(topic: str, payload: bytes, *, retain: bool = False) -> Message:
    return Message(topic=topic, payload=payload, priority=Priority.LIVE, qos=1, retain=retain)


def heard(feed: MqttFeed, *messages: Message) -> list[Utterance]:
    for each in messages:
        feed.hear(each)
    return list(feed.listen(Seconds(1.0)))


def feed(on_heard: list[Heard] | None = None) -> MqttFeed:
    return MqttFeed(ears(), clock=ManualClock(), on_heard=None if on_heard is None else on_heard.append)


def test_two_sensors_of_one_topic_are_subscribed_once_and_both_heard() -> None:
    subscribed: list[str] = []
    made = feed()
    made.subscribe_with(lambda topic, _listener: subscribed.append(topic))
    assert subscribed == [HALL, "shellies/door/state", THERE]
    assert values_of(heard(made, message(HALL, WARM))) == [("hall", "temperature", 21.5), ("hall-rh", "humidity", 40.0)]


def test_a_reading_has_the_moment_of_its_arrival() -> None:
    clock = ManualClock()
    made = MqttFeed(ears(), clock=clock)
    made.hear(message("shellies/door/state", b"open"))
    arrived = clock.now()
    clock.advance(60.0)
    [said] = made.listen(Seconds(0.0))
    assert said.reading.at == arrived  # type: ignore[union-attr]


def test_what_the_broker_has_kept_is_no_reading_as_nobody_knows_its_age() -> None:
    kept = heard(feed(), message(HALL, WARM, retain=True))
    assert kept
    assert all(isinstance(each, Stands) for each in kept)
    assert heard(feed(), message(HALL, b"nonsense", retain=True)) == []


def test_availability_counts_also_when_the_broker_has_kept_it() -> None:
    gone = Gone("hall", f"{THERE} says that it is offline")
    assert heard(feed(), message(THERE, b'{"state":"offline"}', retain=True)) == [gone]
    assert heard(feed(), message(THERE, b"online", retain=True)) == [Back("hall")]


def test_an_offline_sensor_gives_no_value_until_it_is_online() -> None:
    found = heard(
        feed(), message(THERE, b"offline"), message(HALL, WARM), message(THERE, b"online"), message(HALL, WARM)
    )
    assert values_of(found) == [
        ("hall-rh", "humidity", 40.0), ("hall", "temperature", 21.5), ("hall-rh", "humidity", 40.0)
    ]  # fmt: skip


def test_a_state_of_home_assistant_that_is_unavailable_is_no_value() -> None:
    assert heard(feed(), message("shellies/door/state", b"unavailable")) == [
        Gone("door", "shellies/door/state says that it is unavailable")
    ]


def test_a_message_without_the_value_and_one_that_is_nonsense_say_so() -> None:
    found = heard(feed(), message(HALL, b'{"linkquality":80,"humidity":"wet"}'))
    assert reasons_of(found) == [
        f"the message on {HALL} does not hold the value",
        f"the message on {HALL} value: 'wet' is not a number",
    ]


def test_rules_get_each_message_but_those_that_the_broker_has_kept() -> None:
    seen: list[Heard] = []
    heard(feed(seen), message(HALL, WARM, retain=True), message(HALL, b"{"), message(THERE, b"online"))
    assert [(each.message.topic, each.message.payload) for each in seen] == [(HALL, b"{"), (THERE, b"online")]


def test_a_flood_is_bounded_and_the_drivers_thread_never_waits() -> None:
    made = feed()
    for _ in range(5000):
        made.hear(message(HALL, WARM))
    found = listen_until(made, lambda found: len(found) >= 2000)
    assert len(found) == 2000
    assert made.listen(Seconds(0.0)) == []


def test_a_wait_ends_at_a_stop_and_what_comes_after_it_does_no_harm() -> None:
    made = feed()
    waiting = threading.Thread(target=made.listen, args=(Seconds(60.0),))
    waiting.start()
    made.wake()
    waiting.join(10.0)
    assert not waiting.is_alive()
    made.hear(message(HALL, WARM))
