"""A Home Assistant in small: what it makes of an announcement and of messages, after its documentation and its source.

It is stricter: what Home Assistant would write a warning about is an error here.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

ROOT_KEYS = {
    "device", "origin", "components", "state_topic", "command_topic", "qos", "encoding", "availability",
    "availability_mode", "availability_topic", "availability_template", "payload_available", "payload_not_available",
}  # fmt: skip
"""Others make Home Assistant refuse the whole announcement."""
DEVICE_KEYS = {
    "identifiers", "connections", "manufacturer", "model", "model_id", "name", "hw_version", "serial_number",
    "sw_version", "via_device", "suggested_area", "configuration_url",
}  # fmt: skip
ORIGIN_KEYS = {"name", "sw_version", "support_url"}
_COMMON = {
    "platform", "unique_id", "name", "availability", "entity_category", "icon", "qos", "json_attributes_topic",
    "json_attributes_template", "enabled_by_default", "default_entity_id",
}  # fmt: skip
PLATFORM_KEYS: Mapping[str, tuple[set[str], set[str]]] = {
    "sensor": (
        {"state_topic"},
        {"value_template", "device_class", "state_class", "unit_of_measurement", "options", "expire_after",
         "suggested_display_precision", "force_update"},
    ),
    "binary_sensor": (
        {"state_topic"},
        {"value_template", "device_class", "payload_on", "payload_off", "off_delay", "expire_after", "force_update"},
    ),
    "event": ({"state_topic", "event_types"}, {"value_template", "device_class"}),
    "button": ({"command_topic"}, {"command_template", "payload_press", "device_class", "retain"}),
}  # fmt: skip
"""Needed and allowed keys beside the common ones."""
DEVICE_CLASSES = {
    "sensor": {"temperature", "humidity", "pressure", "voltage", "current", "power", "illuminance", "distance", "enum"},
    "binary_sensor": {"connectivity", "problem", "safety"},
}
UNITS = {
    "temperature": {"°C", "°F", "K"},
    "humidity": {"%"},
    "pressure": {"cbar", "bar", "hPa", "mmHg", "inHg", "kPa", "mbar", "Pa", "psi"},
    "voltage": {"V", "mV"},
    "current": {"A", "mA"},
    "power": {"W", "kW"},
    "illuminance": {"lx"},
    "distance": {"km", "m", "cm", "mm"},
}
UNKNOWN = "unknown"


def check(payload: Mapping[str, Any]) -> None:
    """Whether Home Assistant would take the announcement, every component of it."""
    assert payload.keys() <= ROOT_KEYS
    assert payload["device"].keys() <= DEVICE_KEYS
    assert payload["device"]["identifiers"]
    assert payload["origin"].keys() <= ORIGIN_KEYS
    assert payload["origin"]["name"]
    ids = [each["unique_id"] for each in payload["components"].values() if len(each) > 1]
    assert len(ids) == len(set(ids))
    for component in payload["components"].values():
        if component.keys() != {"platform"}:
            check_component(component)


def check_component(component: Mapping[str, Any]) -> None:
    platform = component["platform"]
    needed, allowed = PLATFORM_KEYS[platform]
    assert needed <= component.keys() <= needed | allowed | _COMMON, component
    assert component["unique_id"]
    for available in component["availability"]:
        assert available.keys() <= {"topic", "payload_available", "payload_not_available", "value_template"}
    kind = component.get("device_class")
    assert kind is None or kind in DEVICE_CLASSES[platform]
    assert ("options" in component) == (kind == "enum")
    if kind == "enum":
        assert not component.keys() & {"state_class", "unit_of_measurement"}
    if kind in UNITS:
        assert component["unit_of_measurement"] in UNITS[kind]
    assert component.get("state_class") in (None, "measurement", "total_increasing")
    assert component.get("entity_category") in (None, "diagnostic", "config")
    # A sensor cannot be of the category config, and what is pressed has no state.
    assert component.get("entity_category") != "config" or platform == "button"


@dataclass
class Entity:
    """One entity, and what Home Assistant shows of it."""

    config: Mapping[str, Any]
    state: str = UNKNOWN
    is_available: bool = False
    events: list[dict[str, Any]] = field(default_factory=list)


class Home:
    """The entities of one announcement, fed with messages."""

    def __init__(self, payload: bytes) -> None:
        jinja2 = pytest.importorskip("jinja2", reason="jinja2 renders Home Assistant's templates, and is not installed")
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        self._environment = ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined)
        self._environment.filters["to_json"] = json.dumps
        announced = json.loads(payload)
        check(announced)
        self.entities = {
            key: Entity(config, is_available=not config["availability"])
            for key, config in announced["components"].items()
            if config.keys() != {"platform"}
        }

    def __getitem__(self, key: str) -> Entity:
        return self.entities[key]

    def receive(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """A message arrives at all who listen to its topic."""
        for entity in self.entities.values():
            for available in entity.config["availability"]:
                if available["topic"] == topic:
                    said = self._rendered(available["value_template"], payload, entity)
                    assert said in ("online", "offline", "None"), said
                    entity.is_available = said == "online" if said != "None" else entity.is_available
            if entity.config.get("state_topic") == topic:
                self._take(entity, self._rendered(entity.config["value_template"], payload, entity), retain=retain)

    def _rendered(self, template: str, payload: bytes, entity: Entity) -> str:
        variables: dict[str, Any] = {"value": payload.decode(), "this": SimpleNamespace(state=entity.state)}
        with suppress(ValueError):
            variables["value_json"] = json.loads(payload)
        return str(self._environment.from_string(template).render(variables)).strip()

    def _take(self, entity: Entity, said: str, *, retain: bool) -> None:
        config = entity.config
        if config["platform"] == "event":
            if said and not retain:
                event = json.loads(said)
                assert event["event_type"] in config["event_types"], event
                entity.events.append(event)
        elif config["platform"] == "binary_sensor":
            states = {config.get("payload_on", "ON"): "on", config.get("payload_off", "OFF"): "off", "None": UNKNOWN}
            if said:
                entity.state = states[said]
        elif said == "None":
            entity.state = UNKNOWN
        elif config.keys() & {"state_class", "unit_of_measurement"}:
            if said:
                float(said)
                entity.state = said
        else:
            assert "options" not in config or said in config["options"], said
            entity.state = said
