"""The doctor: opens every part of a configuration once and says in one line each how it is."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Overdue
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, TypeVar

from edge_mask.act.line import line_for
from edge_mask.capture.source import EndOfSource, FrameSource
from edge_mask.detect.location import find_package
from edge_mask.errors import ConfigurationError, EdgeMaskError, ModelError, Refused, TryLater
from edge_mask.ledger.checkup import check_up
from edge_mask.ledger.database import InUse
from edge_mask.messages import Frame
from edge_mask.parts import detector_of, rule_files, sensor_of, source_of, sysfs_root, transport_of
from edge_mask.redact import redact
from edge_mask.rules.rule_file import RuleDefinition
from edge_mask.rules.rule_set import RuleSet
from edge_mask.runtime.clock import SystemClock
from edge_mask.runtime.timesync import wall_clock_is_set
from edge_mask.settings.actuators import OutputSettings
from edge_mask.settings.cameras import Camera
from edge_mask.settings.model import Settings
from edge_mask.settings.sensors import SensorSettings
from edge_mask.units import Seconds

T = TypeVar("T")

_PATIENCE = 10.0
"""Seconds that a part may take to answer; what only this device works on may take as long as it needs."""


_BAD_PICTURES = 20
"""So many bad ones in a row are stepped over."""


@dataclass(frozen=True, slots=True)
class Finding:
    """How one part is: `ok`, `warning` (the daemon runs all the same), or `failed`; `not here` is the usual reason."""

    part: str
    state: Literal["ok", "warning", "failed"]
    text: str


def examine(settings: Settings) -> Iterator[Finding]:
    """One finding for each part, in the order of the configuration; nothing is changed on the device.

    Each text is one line, and none shows a secret, wherever it stood in the configuration.
    """
    secrets: Sequence[str] = ()
    with suppress(OSError):  # the password file has gone since it was checked: then nobody can repeat what it held
        secrets = settings.secrets()
    for finding in _findings(settings):
        text = redact(finding.text, secrets)
        yield replace(finding, text="".join(sign if sign.isprintable() else " " for sign in text))


def _findings(settings: Settings) -> Iterator[Finding]:
    yield _clock()
    yield from _guarded("rules", "failed", partial(_rules, settings), within=None)
    if settings.cameras:
        yield from _guarded("model", "failed", partial(_model, settings), within=None)
    for camera in settings.cameras:
        yield from _guarded(f"camera {camera.name}", "failed", partial(_camera, camera))
    for sensor in settings.sensors:
        yield from _guarded(f"sensor {sensor.name}", "warning", partial(_sensor, sensor))
    for output in settings.outputs:
        yield from _guarded(f"output {output.name}", "warning", partial(_output, output))
    yield from _guarded("database", "failed", partial(_database, settings), within=None)
    if settings.mqtt.transport == "none":
        yield Finding("broker", "ok", "none configured: everything stays on the device")
    else:
        yield from _guarded("broker", "failed", partial(_broker, settings))


def _guarded(
    part: str,
    missing: Literal["warning", "failed"],
    look_at: Callable[[], "str | Finding | Sequence[Finding]"],
    within: float | None = _PATIENCE,
) -> Sequence[Finding]:
    """Run one examination in a thread of its own: whatever it ends with, or that it does not end, is a finding too."""
    try:
        found = _within(within, look_at)
    except Overdue:  # or a device's own idea of too late
        waited = "in time" if within is None else f"within {within:.0f} s"
        return [Finding(part, missing, f"not here: no answer {waited}")]
    except TryLater as error:
        return [Finding(part, missing, f"not here: {error}")]
    except ConfigurationError:  # a rule file: the caller has an exit code of its own for that
        raise
    except EdgeMaskError as error:
        return [Finding(part, "failed", str(error))]
    except OSError as error:
        return [Finding(part, missing, f"not here: {error.filename or 'it'}: {error.strerror or error}")]
    except Exception as error:  # noqa: BLE001 (the other parts are still to be examined)
        return [Finding(part, "failed", f"cannot be examined: {type(error).__name__}: {error}")]
    if isinstance(found, str):
        return [Finding(part, "ok", found)]
    return [found] if isinstance(found, Finding) else found


def _within(seconds: float | None, work: Callable[[], T]) -> T:
    done: Future[T] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 (handed over to the caller)
            done.set_exception(error)

    threading.Thread(target=run, daemon=True, name="doctor").start()
    return done.result(seconds)


def _clock() -> Finding:
    if wall_clock_is_set():
        return Finding("clock", "ok", "is set")
    return Finding("clock", "warning", "is not known to be set: messages carry clock_ok: false until it is")


def _rules(settings: Settings) -> list[Finding]:
    rules = RuleSet.load(rule_files(settings.rules)).rules
    here = sum(rule.runs_here and not rule.is_disabled for rule in rules)
    text = f"{here} run here, {len(rules) - here} only in AWS or disabled" if rules else "none"
    warnings = [f"no file matches {pattern}" for pattern in settings.rules if not rule_files([pattern])]
    for rule in rules:
        warnings += _strange_names(rule, settings)
    return [Finding("rules", "ok", text), *(Finding("rules", "warning", text) for text in warnings)]


def _strange_names(rule: RuleDefinition, settings: Settings) -> Iterator[str]:
    """What the rule wants done by an output or a camera that the configuration does not have."""
    known = {
        "output": [output.name for output in settings.outputs],
        "camera": [camera.name for camera in settings.cameras],
    }
    for kind, name in rule.named_parts():
        if name not in known[kind]:
            there = ", ".join(known[kind]) or "none"
            yield f'the rule {rule.name} names the {kind} "{name}", which is not configured; there are: {there}'


def _model(settings: Settings) -> Finding:
    try:
        detector = detector_of(settings)
    except ModelError as error:
        return Finding("model", "failed", str(error))
    detector.close()
    what = f"{detector.name} in {find_package(settings.detector.model)}"
    return Finding("model", "ok", f"{what}: checksum, shapes and golden pictures hold")


def _camera(camera: Camera) -> str:
    source = source_of(camera, SystemClock())
    try:
        source.open()
        frame = _first_picture(source)
    except Refused as error:  # its driver or file is missing: to the person who asks, the camera is not here
        raise TryLater(str(error)) from error
    except EndOfSource as error:
        raise TryLater(f"{camera.shown_source} holds no picture") from error
    finally:
        source.close()
    height, width = frame.image.shape[:2]
    return f"{camera.shown_source}: a picture of {width} x {height}"


def _first_picture(source: FrameSource) -> Frame:
    """The first one that is a picture: the daemon steps over the others, too."""
    for _ in range(_BAD_PICTURES):
        with suppress(Refused):
            return source.read()
    return source.read()


def _sensor(sensor: SensorSettings) -> str:
    with closing(sensor_of(sensor, SystemClock(), sysfs_root())) as driver:
        reading = driver.read()
    if reading is None:
        raise TryLater(f"{sensor.path} holds no reading")
    return f"{reading.quantity} {reading.value:g} {reading.unit}"


def _output(output: OutputSettings) -> str:
    line = line_for(
        output.kind, path=output.path, chip=output.chip, line=output.line, active_low=output.active_low,
        sysfs=sysfs_root(),
    )  # fmt: skip
    try:
        return line.look()
    except Refused as error:  # the daemon runs all the same, and tries it at each use
        raise TryLater(str(error)) from error


def _database(settings: Settings) -> Finding:
    try:
        return Finding("database", "ok", check_up(settings.outbox.path))
    except InUse as error:
        return Finding("database", "warning", str(error))


def _broker(settings: Settings) -> str:
    """Connects under a client id of its own: the daemon that may be running is not thrown out."""
    states: queue.Queue[tuple[bool, str]] = queue.Queue()
    name = settings.mqtt.client_id or settings.device.thing_name
    mqtt = settings.mqtt.model_copy(update={"client_id": f"{name}-check"[:128]})
    transport = transport_of(
        settings.model_copy(update={"mqtt": mqtt}), on_state=lambda connected, reason: states.put((connected, reason))
    )
    try:
        transport.open()
        connected, reason = states.get(timeout=_PATIENCE - 1.0)
    except queue.Empty as error:
        raise TryLater(f"{mqtt.host}:{mqtt.port} does not answer") from error
    finally:
        transport.close(Seconds(1.0))
    if not connected:
        raise TryLater(reason)
    return reason


def as_dict(finding: Finding) -> dict[str, str]:
    """For `--json`."""
    return {"part": finding.part, "state": finding.state, "text": finding.text}
