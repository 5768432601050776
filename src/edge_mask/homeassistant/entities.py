"""The entities of a device, as the components of Home Assistant's device discovery.

Each reads one field of a message that is sent anyhow, by a template; nothing is published for it alone.
"""

from collections.abc import Iterator
from typing import Any

from edge_mask.homeassistant import templates
from edge_mask.homeassistant.site import Meter, Site, slug
from edge_mask.units import DEGREES, Seconds

Entity = tuple[str, dict[str, Any]]
"""Its key, which must stay the same for the same part, and its configuration."""

VERDICTS = ("pass", "no_pass")
ALERTS = ("no_mask", "fever", "outlier", "tailgating", "other")
_BROKEN_CAMERA = ("away", "black", "frozen")
_BROKEN_SENSOR = ("away", "out_of_range", "stuck")
_DIAGNOSTIC = {"entity_category": "diagnostic"}

_CLASSES = {
    "temperature": ("°C", "°F", "K"),
    "humidity": ("%",),
    "pressure": ("Pa", "hPa", "kPa", "bar", "mbar", "psi", "mmHg", "inHg"),
    "voltage": ("V", "mV"),
    "current": ("A", "mA"),
    "power": ("W", "kW"),
    "illuminance": ("lx",),
    "distance": ("m", "cm", "mm", "km"),
}
"""Home Assistant's class of a quantity, and the units that it allows for it."""


def entities(site: Site) -> Iterator[Entity]:
    """Every entity of the device."""
    yield from _device(site)
    for camera in site.gates:
        yield from _gate(site, camera)
    for camera in site.rooms:
        yield from _room(site, camera)
    for camera in (*site.gates, *site.rooms):
        yield f"{slug(camera)}_problem", _problem(site, f"{camera} camera", "cameras", camera)
    for meter in site.meters:
        yield f"sensor_{slug(meter.sensor)}_{meter.quantity}", _reading(site, meter)
    for sensor in dict.fromkeys((*site.voices, *(meter.sensor for meter in site.meters))):
        yield f"sensor_{slug(sensor)}_problem", _problem(site, f"{sensor} sensor", "sensors", sensor)


# -- the device as a whole -------------------------------------------------------------------------------


def _device(site: Site) -> Iterator[Entity]:
    yield "connectivity", _connectivity(site)
    yield (
        "alert",
        {
            "platform": "event",
            "name": "Alert",
            "state_topic": site.topic_of("alerts"),
            "event_types": list(ALERTS),
            "value_template": templates.event("m", "kind", ALERTS),
        },
    )
    yield "outbox", _figure(site, "Messages waiting", ("outbox", "pending"), icon="mdi:tray-full", **_DIAGNOSTIC)
    hot = {"device_class": "temperature", "unit_of_measurement": "°C", **_DIAGNOSTIC}
    yield "soc_temperature", _figure(site, "Processor", ("soc_temperature",), **hot)
    if site.gates or site.rooms:
        yield "fps", _figure(site, "Looks per second", ("fps",), icon="mdi:speedometer", **_DIAGNOSTIC)
    if site.gates:
        yield "passed_today", _today(site, "Passed today", "passed", "mdi:account-check")
        yield "refused_today", _today(site, "Refused today", "refused", "mdi:account-cancel")
    if site.takes_commands:
        yield "reload", _reload(site)


def _connectivity(site: Site) -> dict[str, Any]:
    """It says itself whether the device is there, so it is always available."""
    return {
        "platform": "binary_sensor",
        "name": "Connection",
        "device_class": "connectivity",
        "state_topic": site.topic_of("status"),
        "value_template": templates.field("state"),
        "payload_on": "online",
        "payload_off": "offline",
        "availability": [],
        **_DIAGNOSTIC,
    }


def _figure(site: Site, name: str, path: tuple[str, ...], **more: str) -> dict[str, Any]:
    return {
        "platform": "sensor",
        "name": name,
        "state_topic": site.topic_of("health"),
        "value_template": templates.field(*path),
        "state_class": "measurement",
        **more,
    }


def _today(site: Site, name: str, key: str, icon: str) -> dict[str, Any]:
    """It begins again at the site's midnight, which `total_increasing` takes for a new period."""
    return {
        **_figure(site, name, ("visits_today", key), icon=icon),
        "state_class": "total_increasing",
        "unit_of_measurement": "visitors",
    }


def _reload(site: Site) -> dict[str, Any]:
    return {
        "platform": "button",
        "name": "Read the configuration again",
        "command_topic": f"{site.topic_of('commands')}/reload",
        "payload_press": "{}",
        "entity_category": "config",
    }


# -- cameras and sensors ---------------------------------------------------------------------------------


def _gate(site: Site, camera: str) -> Iterator[Entity]:
    """The verdict as a state, and each visit as an event with everything that its message says."""
    verdict: dict[str, Any] = {
        "platform": "sensor",
        "name": f"{camera} verdict",
        "state_topic": site.topic_of("visits"),
        "icon": "mdi:gate",
    }
    mine = templates.is_from("camera", camera)
    if len(site.gates) == 1:
        verdict |= {"device_class": "enum", "options": list(VERDICTS), "value_template": templates.field("verdict")}
    else:  # an entity with options must not be given an empty state for the visitor of another gate
        verdict["value_template"] = templates.either(mine, "verdict")
    yield f"{slug(camera)}_verdict", verdict
    visit = {
        "platform": "event",
        "name": f"{camera} visit",
        "state_topic": site.topic_of("visits"),
        "event_types": [*VERDICTS, "other"],
        "value_template": templates.event(mine, "verdict", VERDICTS),
    }
    yield f"{slug(camera)}_visit", visit


def _room(site: Site, camera: str) -> Iterator[Entity]:
    mine = templates.is_from("camera", camera)
    told = templates.in_time(f"{mine} and m.get('streak') is number")
    yield (
        f"{slug(camera)}_no_mask",
        {
            "platform": "binary_sensor",
            "name": f"{camera} without mask",
            "device_class": "safety",
            "state_topic": site.topic_of("looks"),
            "value_template": templates.field_where(told, f"'ON' if m.get('streak') >= {site.streak} else 'OFF'"),
            "off_delay": round(site.longest_gap + 30.0),
        },
    )
    for key, name in (("faces", "faces"), ("no_mask", "faces without mask")):
        yield (
            f"{slug(camera)}_{key}_count",
            {
                "platform": "sensor",
                "name": f"{camera} {name}",
                "state_topic": site.topic_of("looks"),
                "value_template": templates.field_where(templates.in_time(mine), f"m.get('{key}')"),
                "state_class": "measurement",
                "icon": "mdi:face-recognition",
            },
        )


def _problem(site: Site, name: str, part: str, key: str) -> dict[str, Any]:
    broken = _BROKEN_CAMERA if part == "cameras" else _BROKEN_SENSOR
    return {
        "platform": "binary_sensor",
        "name": name,
        "device_class": "problem",
        "state_topic": site.topic_of("health"),
        "value_template": templates.problem(part, key, ("ok", "ended"), broken),
        **_DIAGNOSTIC,
    }


def _reading(site: Site, meter: Meter) -> dict[str, Any]:
    mine = templates.in_time(templates.is_from("sensor", meter.sensor))
    return {
        "platform": "sensor",
        "name": meter.sensor if meter.quantity == "temperature" else f"{meter.sensor} {meter.quantity}",
        "state_topic": site.topic_of(meter.quantity),
        "value_template": templates.field_where(mine, templates.believed(meter.quantity)),
        "state_class": "measurement",
        "expire_after": round(max(Seconds(300.0), 5.0 * meter.interval)),
        **_unit(meter.quantity, meter.unit),
    }


def _unit(quantity: str, unit: str) -> dict[str, str]:
    """Home Assistant refuses a class with a unit that it does not know for it: then the unit stands alone."""
    if not unit:
        return {}
    shown = DEGREES.get(unit, unit)
    kind = "temperature" if unit in DEGREES else quantity
    found = {"device_class": kind} if shown in _CLASSES.get(kind, ()) else {}
    return {"unit_of_measurement": shown, **found}
