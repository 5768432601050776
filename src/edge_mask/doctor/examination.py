"""Examines every part of a configuration, in its order."""

import queue
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from edge_mask.app.drivers import detector_of
from edge_mask.deliver.factory import transport_for
from edge_mask.doctor import devices, rules, storage
from edge_mask.doctor.certificate import certificate
from edge_mask.doctor.finding import PATIENCE, Finding, guarded
from edge_mask.errors import ModelError, TryLater
from edge_mask.nucleus.place import is_component
from edge_mask.packages.location import find_package
from edge_mask.redact import redact
from edge_mask.runtime.clock import SystemClock, wall_clock_is_set
from edge_mask.settings.model import Settings
from edge_mask.units import Seconds


def examine(settings: Settings) -> Iterator[Finding]:
    """One finding for each part, in the order of the configuration; nothing is changed on the device.

    Each text is one line without secrets.
    """
    secrets: Sequence[str] = ()
    with suppress(OSError):  # the password file has gone since: then there is no password to redact
        secrets = settings.secrets()
    for finding in _findings(settings):
        text = redact(finding.text, secrets)
        yield replace(finding, text="".join(sign if sign.isprintable() else " " for sign in text))


def _findings(settings: Settings) -> Iterator[Finding]:
    yield _clock()
    yield from guarded("rules", "failed", partial(rules.rules, settings), within=None)
    yield from guarded("http", "warning", partial(rules.destinations, settings), within=None)
    if settings.cameras:
        yield from guarded("model", "failed", partial(_model, settings), within=None)
    for camera in settings.cameras:
        yield from guarded(f"camera {camera.name}", "failed", partial(devices.camera, camera))
    for sensor in settings.sensors:
        yield from guarded(f"sensor {sensor.name}", "warning", partial(devices.sensor, settings, sensor))
    for output in settings.outputs:
        yield from guarded(f"output {output.name}", "warning", partial(devices.output, output))
    yield from guarded("database", "failed", partial(storage.database, settings), within=None)
    yield from guarded("snapshots", "warning", partial(_snapshots, settings))
    if settings.mqtt.transport == "none":
        yield Finding("broker", "ok", "none configured: everything stays on the device")
    else:
        tls = settings.mqtt.tls
        if tls is not None and tls.cert is not None:
            yield from guarded("certificate", "failed", partial(certificate, tls.cert))
        yield from guarded("broker", "failed", partial(_broker, settings))


def _clock() -> Finding:
    if wall_clock_is_set():
        return Finding("clock", "ok", "is set")
    return Finding("clock", "warning", "is not known to be set: messages carry clock_ok: false until it is")


def _model(settings: Settings) -> Finding:
    try:
        detector = detector_of(settings)
    except ModelError as error:
        return Finding("model", "failed", str(error))
    detector.close()
    what = f"{detector.name} in {find_package(settings.detector.model)}"
    return Finding("model", "ok", f"{what}: checksum, shapes and golden pictures hold")


def _snapshots(settings: Settings) -> Sequence[Finding]:
    """Only where a rule keeps pictures: no folder is made in vain."""
    return storage.snapshots(settings) if rules.keep_pictures(settings) else []


def _broker(settings: Settings) -> str | Finding:
    """Connects with its own client id: a running daemon must keep its connection."""
    if settings.mqtt.transport == "greengrass" and not is_component():
        text = "the nucleus lets in only what it has started itself: tried when it runs this component"
        return Finding("broker", "warning", text)
    states: queue.Queue[tuple[bool, str]] = queue.Queue()
    mqtt = settings.mqtt.model_copy(update={"client_id": settings.check_client_id})
    transport = transport_for(
        mqtt,
        aws=settings.aws,
        client_id=settings.device.thing_name,
        clock=SystemClock(),
        on_state=lambda connected, reason: states.put((connected, reason)),
    )
    try:
        transport.open()
        connected, reason = states.get(timeout=PATIENCE - 1.0)
    except queue.Empty as error:
        where = "the nucleus" if mqtt.transport == "greengrass" else f"{mqtt.host}:{mqtt.port}"
        raise TryLater(f"{where} does not answer") from error
    finally:
        transport.close(Seconds(1.0))
    if not connected:
        raise TryLater(reason)
    return reason


def as_dict(finding: Finding) -> dict[str, str]:
    """For `--json`."""
    return {"part": finding.part, "state": finding.state, "text": finding.text}
