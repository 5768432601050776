"""The doctor: opens every part of a configuration once and says in one line each how it is."""

import os
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Overdue
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

from edge_mask.capture.source import EndOfSource
from edge_mask.detect.location import find_package
from edge_mask.errors import DatabaseError, EdgeMaskError, ModelError, Refused, TryLater
from edge_mask.ledger.database import Lock, open_writer
from edge_mask.parts import detector_of, rule_files, sensor_of, source_of, sysfs_root, transport_of
from edge_mask.rules.rule_set import RuleSet
from edge_mask.runtime.clock import SystemClock
from edge_mask.runtime.timesync import wall_clock_is_set
from edge_mask.settings.cameras import Camera
from edge_mask.settings.model import Settings
from edge_mask.settings.sensors import SensorSettings
from edge_mask.units import Seconds

T = TypeVar("T")

_PATIENCE = 10.0
"""Seconds that one part may take to answer."""


@dataclass(frozen=True, slots=True)
class Finding:
    """How one part is: `ok`, `warning` (the daemon runs all the same), or `failed`; `not here` is the usual reason."""

    part: str
    state: Literal["ok", "warning", "failed"]
    text: str


def examine(settings: Settings) -> Iterator[Finding]:
    """One finding for each part, in the order of the configuration; nothing is changed on the device."""
    yield _clock()
    yield _rules(settings)
    if settings.cameras:
        yield _model(settings)
    for camera in settings.cameras:
        yield _guarded(f"camera {camera.name}", "failed", partial(_camera, camera))
    for sensor in settings.sensors:
        yield _guarded(f"sensor {sensor.name}", "warning", partial(_sensor, sensor))
    yield _database(settings.outbox.path)
    if settings.mqtt.transport == "none":
        yield Finding("broker", "ok", "none configured: everything stays on the device")
    else:
        yield _guarded("broker", "failed", partial(_broker, settings))


def _guarded(part: str, missing: Literal["warning", "failed"], look: Callable[[], str]) -> Finding:
    """Run one examination in a thread of its own: a part that hangs is a finding too."""
    try:
        return Finding(part, "ok", _within(_PATIENCE, look))
    except Overdue:
        return Finding(part, missing, f"not here: no answer within {_PATIENCE:.0f} s")
    except TryLater as error:
        return Finding(part, missing, f"not here: {error}")
    except EdgeMaskError as error:
        return Finding(part, "failed", str(error))


def _within(seconds: float, work: Callable[[], T]) -> T:
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


def _rules(settings: Settings) -> Finding:
    rules = RuleSet.load(rule_files(settings.rules)).rules
    here = sum(rule.runs_here and not rule.is_disabled for rule in rules)
    return Finding("rules", "ok", f"{here} run here, {len(rules) - here} only in AWS or disabled" if rules else "none")


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
        frame = source.read()
    except Refused as error:  # its driver or file is missing: to the person who asks, the camera is not here
        raise TryLater(str(error)) from error
    except EndOfSource as error:
        raise TryLater(f"{camera.shown_source} holds no picture") from error
    finally:
        source.close()
    height, width = frame.image.shape[:2]
    return f"{camera.shown_source}: a picture of {width} x {height}"


def _sensor(sensor: SensorSettings) -> str:
    with closing(sensor_of(sensor, SystemClock(), sysfs_root())) as driver:
        reading = driver.read()
    if reading is None:
        raise TryLater(f"{sensor.path} holds no reading")
    return f"{reading.quantity} {reading.value:g} {reading.unit}"


def _database(path: Path) -> Finding:
    if not path.exists():
        folder = path.resolve().parent
        while not folder.exists():
            folder = folder.parent
        if not os.access(folder, os.W_OK):
            return Finding("database", "failed", f"{path} cannot be made: {folder} is not writable")
        return Finding("database", "ok", f"{path} will be made at the first start")
    lock = Lock(path)
    try:
        lock.acquire()
    except DatabaseError as error:
        return Finding("database", "warning", str(error))
    try:
        open_writer(path).close()
    except DatabaseError as error:
        return Finding("database", "failed", f"{error}; try: edge-mask outbox repair")
    finally:
        lock.release()
    return Finding("database", "ok", str(path))


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
