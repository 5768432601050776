"""What one configuration says and hears on its broker: every topic, before anything runs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from edge_mask.homeassistant.discovery import birth_topic, discovery_topic
from edge_mask.homeassistant.site import object_id
from edge_mask.identity.destinations import Destination, Input, destinations
from edge_mask.identity.patterns import TopicPattern
from edge_mask.kinds import (
    ABOUT,
    ALERTS,
    AMENDMENTS,
    DETECTIONS,
    FAULTS,
    HEALTH,
    LOOKS,
    OF_SERIES,
    ROOM,
    STATUS,
    VISITS,
)
from edge_mask.rules.rule_file import RuleDefinition
from edge_mask.settings.feeds import MqttSensor
from edge_mask.settings.model import Settings
from edge_mask.settings.series_checks import measured_series
from edge_mask.sql.topics import topic_matches
from edge_mask.wire.topics import MODEL_DESIRED, MODEL_REPORTED, WISHES, JobTopics, ShadowTopics, Topics


@dataclass(frozen=True, slots=True)
class Traffic:
    """All topics of one device."""

    said: frozenset[Destination]
    heard: frozenset[str]
    """Topic filters."""


def traffic_of(settings: Settings, rules: Iterable[RuleDefinition], response_topics: Iterable[str] = ()) -> Traffic:
    """The topics of the daemon that this configuration describes.

    A request may name any topic for its answer: those beside the command's own are `response_topics` (filters).
    """
    topics = Topics(settings.topics.root, settings.device.thing_name, settings.topics.renames)
    own = list(_own(settings, topics))
    said = set(destinations(rules, own, settings.device.thing_name))
    if settings.forward == "all":
        said |= {Destination(each.topic) for each in own}
    said.add(Destination(TopicPattern.exactly(topics.of(STATUS.name)), STATUS.is_retained))
    said |= {Destination(TopicPattern.of_filter(each)) for each in (topics.answer("+"), *response_topics)}
    heard = {topics.commands}
    for spoken, listened in _elsewhere(settings):
        said |= spoken
        heard |= listened
    return Traffic(frozenset(each for each in said if not _is_local(each, settings)), frozenset(heard))


def _elsewhere(settings: Settings) -> Iterator[tuple[set[Destination], set[str]]]:
    """What is said and heard outside of the configured topics, for each part that is on."""
    thing = settings.device.thing_name
    cloud: list[ShadowTopics | JobTopics] = []
    if settings.uses_shadow:
        cloud += [ShadowTopics(thing), ShadowTopics(thing, WISHES)]
    if settings.uses_jobs:
        cloud.append(JobTopics(thing))
    for part in cloud:
        yield {Destination(TopicPattern.of_filter(each)) for each in part.said}, set(part.heard)
    if (results := settings.topics.tflite_results) is not None and settings.cameras:
        yield {Destination(TopicPattern.exactly(results.replace("{thing}", thing)))}, set()
    if settings.fleet is not None and settings.fleet.peers.offer:
        anybody = Topics(settings.topics.root, "+", settings.topics.renames)
        asked = Destination(TopicPattern.of_filter(anybody.command("infer")))
        answers = Topics(settings.topics.root, thing, settings.topics.renames).infer_answers
        yield {asked}, {answers, *map(anybody.of, ("about", "room", "status"))}
    if settings.fleet is not None and settings.fleet.looks_for_others:
        anybody = Topics(settings.topics.root, "+", settings.topics.renames)
        answered = (anybody.infer_answers, anybody.second_looks)
        yield {Destination(TopicPattern.of_filter(each)) for each in answered}, set()
    outside = [sensor for sensor in settings.sensors if isinstance(sensor, MqttSensor)]
    yield set(), {topic for sensor in outside for topic in (sensor.topic, sensor.availability) if topic is not None}
    second = None if settings.fleet is None else settings.fleet.second_look
    if second is not None and not second.is_address:
        own, other = (Topics(settings.topics.root, each, settings.topics.renames) for each in (thing, second.to))
        yield {Destination(TopicPattern.exactly(other.command("infer")))}, {own.second_looks}
    if settings.fleet is not None:
        topics = Topics(settings.topics.root, thing, settings.topics.renames)
        told = {Destination(TopicPattern.exactly(topics.of(kind.name)), kind.is_retained) for kind in (ABOUT, ROOM)}
        near = (Topics(settings.topics.root, each, settings.topics.renames) for each in settings.fleet.neighbours)
        yield told, {each.of(ALERTS.name) for each in near}
        reported = TopicPattern.exactly(topics.of(MODEL_REPORTED))
        yield {Destination(reported, retain=True)}, {topics.of(MODEL_DESIRED)}
    if settings.homeassistant.enabled:
        prefix = settings.homeassistant.prefix
        announced = TopicPattern.exactly(discovery_topic(prefix, object_id(thing)))
        yield {Destination(announced, retain=True)}, {birth_topic(prefix)}


def _is_local(said: Destination, settings: Settings) -> bool:
    """Whether it stays on the device: a Greengrass nucleus passes it to other components."""
    if settings.mqtt.transport != "greengrass" or not said.topic.is_exact:
        return False
    thing = settings.device.thing_name
    filters = (each.replace("{thing}", thing) for each in settings.aws.greengrass.local)
    return any(topic_matches(each, said.topic.texts[0]) for each in filters)


def _own(settings: Settings, topics: Topics) -> Iterator[Input]:
    """The messages that its cameras, its sensors and the daemon itself make, with what is known of their fields."""
    cameras = [camera.name for camera in settings.cameras]
    sensors = [sensor.name for sensor in settings.sensors]
    second = None if settings.fleet is None else settings.fleet.second_look
    by_role = {role: [camera.name for camera in settings.cameras if camera.role == role] for role in ("gate", "cctv")}
    looked_at_again = by_role["gate"] if second is not None else []
    seen = {
        DETECTIONS: cameras,
        VISITS: by_role["gate"],
        AMENDMENTS: looked_at_again,
        LOOKS: by_role["cctv"],
        ALERTS: cameras,
    }
    thing = settings.device.thing_name
    for kind, names in seen.items():
        for name in names:
            yield _input(topics.of(kind.name), thing, camera=name)
    for name in sensors:
        yield _input(topics.of(ALERTS.name), thing, sensor=name)
    for sensor in settings.sensors:
        of = sensor.name if sensor.speaks_as(sensor.name) else None
        for quantity in sensor.measured:
            yield _input(topics.of(quantity), thing, sensor=of)
        for kind in OF_SERIES if settings.kept_series is not None and measured_series(sensor) else ():
            yield _input(topics.of(kind.name), thing, sensor=of)
    for kind in (HEALTH, FAULTS):
        yield _input(topics.of(kind.name), thing)


def _input(topic: str, thing: str, camera: str | None = None, sensor: str | None = None) -> Input:
    return Input(TopicPattern.exactly(topic), {"thing": thing, "camera": camera, "sensor": sensor})
