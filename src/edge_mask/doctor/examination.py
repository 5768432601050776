"""Examines every part of a configuration, in its order."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from edge_mask.app.drivers import detector_of
from edge_mask.doctor import broker, devices, http, notify, page, rules, sensors, series, sink, storage, users
from edge_mask.doctor.certificate import certificate
from edge_mask.doctor.finding import Finding, guarded
from edge_mask.doctor.pace import pace, seconds_per_look
from edge_mask.errors import ModelError
from edge_mask.packages.location import find_package
from edge_mask.redact import redact
from edge_mask.runtime.clock import SystemClock, wall_clock_is_set
from edge_mask.settings.feeds import MqttSensor
from edge_mask.settings.model import Settings


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
    yield from guarded("http", "warning", partial(http.destinations, settings), within=None)
    yield from notify.targets(settings)
    if settings.cameras or (settings.fleet is not None and settings.fleet.looks_for_others):
        yield from guarded("model", "failed", partial(_model, settings), within=None)
    for camera in settings.cameras:
        yield from guarded(f"camera {camera.name}", "failed", partial(devices.camera, camera))
    yield from _sensors(settings)
    if settings.kept_series is not None:
        yield from guarded("series", "warning", partial(series.series, settings))
    for output in settings.outputs:
        yield from guarded(f"output {output.name}", "warning", partial(devices.output, output))
    if not settings.is_only_a_sink:
        yield from guarded("database", "failed", partial(storage.database, settings), within=None)
    if settings.sink is not None:
        yield from guarded("sink database", "failed", partial(sink.database, settings.sink))
    yield from guarded("snapshots", "warning", partial(_snapshots, settings))
    if settings.web.enabled:
        yield from guarded("page", "failed", partial(page.page, settings))
        yield from guarded("users", "failed", partial(users.users, settings))
    if settings.mqtt.transport == "none":
        yield Finding("broker", "ok", "none configured: everything stays on the device")
    else:
        tls = settings.mqtt.tls
        if tls is not None and tls.cert is not None:
            yield from guarded("certificate", "failed", partial(certificate, tls.cert))
        yield from guarded("broker", "failed", partial(broker.broker, settings))


def _sensors(settings: Settings) -> Iterator[Finding]:
    """Each by itself; those on the broker together, over one connection."""
    for sensor in settings.sensors:
        if not isinstance(sensor, MqttSensor):
            yield from guarded(f"sensor {sensor.name}", "warning", partial(sensors.sensor, settings, sensor))
    heard = [sensor.name for sensor in settings.sensors if isinstance(sensor, MqttSensor)]
    if heard:
        yield from guarded(f"sensor {', '.join(heard)}", "warning", partial(broker.sensors, settings))


def _clock() -> Finding:
    if wall_clock_is_set():
        return Finding("clock", "ok", "is set")
    return Finding("clock", "warning", "is not known to be set: messages carry clock_ok: false until it is")


def _model(settings: Settings) -> Sequence[Finding]:
    try:
        detector = detector_of(settings)
    except ModelError as error:
        return [Finding("model", "failed", str(error))]
    look = seconds_per_look(detector, SystemClock())
    detector.close()
    what = f"{detector.name} in {find_package(settings.detector.model)}"
    sound = Finding("model", "ok", f"{what}: checksum, shapes and golden pictures hold")
    return [sound, *pace(settings.cameras, look)]


def _snapshots(settings: Settings) -> Sequence[Finding]:
    """Only where pictures are kept."""
    roles, kept = {camera.role for camera in settings.cameras}, settings.snapshots
    is_kept = (
        ("gate" in roles and kept.visits != "none")
        or ("cctv" in roles and (kept.looks != "none" or kept.keeps_latest))
        or (bool(roles) and kept.latest == "on")
        or rules.keep_pictures(settings)
    )
    return storage.snapshots(settings) if is_kept else []


def as_dict(finding: Finding) -> dict[str, str]:
    """For `--json`."""
    return {"part": finding.part, "state": finding.state, "text": finding.text}
