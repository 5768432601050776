"""Keys that were written and do nothing here: which of them are mistakes, and which only wait.

names a part that nothing uses, or lacks the key that it goes with    refused: its writer expects something of it
of a camera that this device lacks, or of what is switched off        `check` warns: one file may serve many devices,
                                                                      and what is off may come back
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from edge_mask.settings.base import Section
from edge_mask.settings.cameras import Cctv, Gate
from edge_mask.settings.fleet_checks import fleet_remarks
from edge_mask.settings.model import Settings
from edge_mask.settings.second_look_checks import second_look_remarks
from edge_mask.settings.sending import Mqtt
from edge_mask.settings.series_remarks import series_remarks
from edge_mask.settings.snapshots import Snapshots
from edge_mask.settings.vote_checks import vote_remarks
from edge_mask.yaml_file import Path as Key


@dataclass(frozen=True, slots=True)
class Remark:
    """What is said of a written key that works less than it seems to."""

    key: Key
    text: str
    is_fault: bool
    """It is refused where the file alone makes it so; otherwise `check` warns."""


@dataclass(frozen=True, slots=True)
class _Row:
    """Some keys of one section, and what they need."""

    section: str
    """Empty for keys at the top."""
    keys: tuple[str, ...]
    works: Callable[[Settings], bool]
    why: str


def _has_gate(settings: Settings) -> bool:
    return any(camera.role == "gate" for camera in settings.cameras)


def _has_cctv(settings: Settings) -> bool:
    return any(camera.role == "cctv" for camera in settings.cameras)


def _has_camera(settings: Settings) -> bool:
    return bool(settings.cameras)


def _sends(settings: Settings) -> bool:
    return settings.mqtt.transport != "none"


def _hands_over(settings: Settings) -> bool:
    """To a broker, or to the servers of `http` actions."""
    return _sends(settings) or bool(settings.rules)


def _pictures_can_leave(settings: Settings) -> bool:
    """To a broker, or with a rule's notification: a target that says `pictures` itself does not ask this key."""
    targets = settings.notify.targets
    return _sends(settings) or (bool(settings.rules) and any(target.pictures is None for target in targets))


def _is_announced(settings: Settings) -> bool:
    return settings.homeassistant.enabled


def _is_switched(settings: Settings) -> bool:
    return not settings.outputs or bool(settings.rules) or settings.gate.output is not None


def _measures_temperature(settings: Settings) -> bool:
    return any("temperature" in sensor.measured for sensor in settings.sensors)


def _rooms_are_kept(settings: Settings) -> bool:
    """Whether `latest: auto` means any camera."""
    kept = settings.snapshots
    return kept.latest != "auto" or not kept.keeps_latest or _has_cctv(settings)


def _tells_detections(settings: Settings) -> bool:
    return bool(settings.cameras) and (settings.detections != "off" or settings.topics.tflite_results is not None)


def _without(section: type[Section], *names: str) -> tuple[str, ...]:
    return tuple(name for name in section.model_fields if name not in names)


_NAMED: Final = ("output", "passage_sensor", "temperature_sensor")
"""They name what hangs at this very device."""
_PICTURES: Final = ("visits", "looks", "latest_every")
_NO_GATE: Final = "no camera has role: gate"
_NO_CCTV: Final = "no camera has role: cctv"
_NO_CAMERA: Final = "there are no cameras"
_SILENT: Final = "mqtt.transport is none"

WAITING: Final = (
    _Row("gate", _without(Gate, *_NAMED, "temperature_camera"), _has_gate, _NO_GATE),
    _Row("cctv", _without(Cctv), _has_cctv, _NO_CCTV),
    _Row("snapshots", ("visits",), _has_gate, _NO_GATE),
    _Row("snapshots", ("looks",), _has_cctv, _NO_CCTV),
    _Row("snapshots", ("latest_every",), _rooms_are_kept, f"snapshots.latest is auto, and {_NO_CCTV}"),
    _Row("snapshots", _without(Snapshots, *_PICTURES), _has_camera, _NO_CAMERA),
    _Row("privacy", ("send_pictures",), _has_camera, _NO_CAMERA),
    _Row("privacy", ("send_pictures",), _pictures_can_leave, _SILENT),
    _Row("", ("detections",), _has_camera, _NO_CAMERA),
    _Row("topics", ("visits",), _has_gate, _NO_GATE),
    _Row("topics", ("looks",), _has_cctv, _NO_CCTV),
    _Row("topics", ("tflite_results",), _has_camera, _NO_CAMERA),
    _Row("topics", ("detections",), _tells_detections, "there are no such messages"),
    _Row("topics", ("temperature",), _measures_temperature, "no sensor measures it"),
    _Row("mqtt", _without(Mqtt, "transport"), _sends, _SILENT),
    _Row("outbox", ("max_bytes", "max_age", "drain_rate", "window"), _hands_over, _SILENT),
    _Row("homeassistant", ("prefix",), _is_announced, "homeassistant.enabled is false"),
    _Row("", ("outputs",), _is_switched, "there are no rules, and no gate.output"),
)
"""Told by `check`, one sentence for the keys of a section that have the same reason."""

FAULTS: Final = (
    _Row("gate", _NAMED, _has_gate, f"does nothing, as {_NO_GATE}; give a camera that role, or remove this"),
    _Row(
        "gate",
        ("open_for", "open_at_most"),
        lambda settings: settings.gate.output is not None,
        "does nothing without gate.output; name the output that opens the gate, or remove this",
    ),
    _Row(
        "gate",
        ("passage_window",),
        lambda settings: settings.gate.passage_sensor is not None,
        "does nothing without gate.passage_sensor; name the sensor that sees people go through, or remove this",
    ),
    _Row(
        "gate",
        ("fever_above", "without_temperature", "temperature_range"),
        lambda settings: settings.gate.temperature_sensor is not None,
        "does nothing without gate.temperature_sensor; name the thermometer at the gate, or remove this",
    ),
    _Row(
        "snapshots",
        ("latest_every",),
        lambda settings: settings.snapshots.keeps_latest,
        "does nothing, as no last pictures are kept: snapshots.latest is off, or is auto where faces are not blurred;"
        " allowed: together with latest: on, or remove this",
    ),
)
"""Refused, each key for itself."""


def remarks(settings: Settings) -> Iterator[Remark]:
    """Every written key that does nothing, or less than it says; each once."""
    told: set[Key] = set()
    for row in WAITING:
        keys = [key for key in _idle(row, settings) if key not in told]
        told.update(keys)
        if keys:
            yield _waiting(row, keys)
    for row in FAULTS:
        yield from (Remark(key, row.why, is_fault=True) for key in _idle(row, settings) if key not in told)
    others = (vote_remarks, series_remarks, fleet_remarks, second_look_remarks)
    for key, text, is_fault in (each for said in others for each in said(settings)):
        if key not in told:
            yield Remark(key, text, is_fault)


def _idle(row: _Row, settings: Settings) -> list[Key]:
    if row.works(settings):
        return []
    part = getattr(settings, row.section) if row.section else settings
    return [(row.section, name) if row.section else (name,) for name in row.keys if name in part.model_fields_set]


def _waiting(row: _Row, keys: list[Key]) -> Remark:
    if len(keys) == 1:
        return Remark(keys[0], f"does nothing here: {row.why}", is_fault=False)
    listed = f"{', '.join(str(key[-1]) for key in keys[:-1])} and {keys[-1][-1]}"
    return Remark(keys[0][:-1], f"{listed} do nothing here: {row.why}", is_fault=False)
