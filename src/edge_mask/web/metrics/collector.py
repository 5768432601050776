"""Everything in `/metrics`, made when Prometheus asks: nothing is kept for it between two scrapes.

Tally (since the process began) ─┐
HouseFigures (now) ──────────────┼─▶ families ─▶ text
Requests (of the page) ──────────┘
"""

import platform
from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from edge_mask.messages import Reading
from edge_mask.observe.spread import Spread
from edge_mask.observe.tally import Labels, Tally
from edge_mask.web.metrics.families import counter, gauge, histogram, info, one
from edge_mask.web.metrics.figures import HouseFigures, Measure

Numbers = dict[Labels, float]
VERDICTS = ("pass", "no_pass")
ALERT_KINDS = ("no_mask", "fever", "tailgating", "outlier")


class HouseCollector(Collector):
    """Asked in any thread."""

    def __init__(self, tally: Tally, measure: Measure, requests: Callable[[], Iterator[Metric]] = lambda: iter(())):
        """`requests`: families of the page itself."""
        self._tally = tally
        self._measure = measure
        self._requests = requests

    def describe(self) -> Iterator[Metric]:
        """Nothing: a registry would otherwise collect everything once just to learn the names."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        now = self._measure()
        yield from _identity(now)
        yield from _decisions(self._tally, now)
        yield from _cameras(self._tally, now)
        if now.shared is not None:
            text = "Frames that other devices were given, or that were taken from them."
            yield counter("peer_frames", text, ("outcome",), {**now.shared})
        yield from _sensors(self._tally, now)
        yield from _sending(now)
        yield from _rules(now)
        yield from _machine(now)
        yield from self._requests()


def _identity(now: HouseFigures) -> Iterator[Metric]:
    yield info("build", "The program.", {"version": now.version, "python": platform.python_version()})
    yield info("device", "The device.", {"thing": now.thing})
    if now.model is not None:
        yield info("model", "The model that looks.", {"name": now.model[0], "version": now.model[1]})
    yield from one("clock_synced", "Whether the device's clock was set (1) or not (0).", float(now.now.synced))


def _decisions(tally: Tally, now: HouseFigures) -> Iterator[Metric]:
    count = tally.count()
    visits: Numbers = {(camera, verdict): 0 for camera in now.gates for verdict in VERDICTS}
    yield counter("visits", "Judged people.", ("camera", "verdict"), {**visits, **count.visits})
    text = "Reasons of visits; one visit may have several."
    yield counter("visit_reasons", text, ("camera", "reason"), count.reasons)
    text = "From the first look that showed a face in place to the verdict."
    spreads: dict[Labels, Spread] = {(camera,): spread for camera, spread in tally.spreads().items()}
    yield histogram("time_to_verdict_seconds", text, ("camera",), spreads)
    alerts: Numbers = {(kind,): 0 for kind in ALERT_KINDS}
    yield counter("alerts", "Alerts.", ("kind",), {**alerts, **count.alerts})
    if now.second_looks is not None:
        text = "Visits that were decided narrowly, by what became of their second look."
        yield counter("second_looks", text, ("outcome",), {(name,): n for name, n in now.second_looks.items()})
    rooms: Numbers = {(camera,): 0 for camera in now.rooms}
    yield counter("looks", "Looks of cameras that watch a room.", ("camera",), {**rooms, **count.looks})
    yield counter("faults", "Messages on the topic `errors`.", ("component", "code"), count.faults)


def _cameras(tally: Tally, now: HouseFigures) -> Iterator[Metric]:
    if not now.cameras:
        return
    none: Numbers = {(camera,): 0 for camera in now.cameras}
    yield counter("frames_seen", "Frames that were analysed.", ("camera",), {**none, **tally.count().frames})
    text = "Frames that a newer one replaced before they were looked at."
    yield counter("frames_replaced", text, ("camera",), {**none, **now.replaced})
    up: Numbers = {(camera,): float(is_up) for camera, is_up in now.cameras.items()}
    yield gauge("camera_up", "Whether the camera shows pictures (1) or not (0).", ("camera",), up)
    text = "Mean time between the last looks, or since the last one when that is longer."
    intervals: Numbers = {(c,): s for c, s in tally.intervals(now.now.mono).items() if c in now.cameras}
    yield gauge("camera_interval_seconds", text, ("camera",), intervals)
    yield histogram("inference_seconds", "The model's time for a frame.", (), {(): tally.inference})


def _sensors(tally: Tally, now: HouseFigures) -> Iterator[Metric]:
    if not now.sensors:
        return
    yield counter("readings", "Readings of sensors.", ("sensor", "quantity", "quality"), tally.count().readings)
    up: Numbers = {(sensor,): float(is_up) for sensor, is_up in now.sensors.items()}
    yield gauge("sensor_up", "Whether the sensor gives good readings (1) or not (0).", ("sensor",), up)
    newest = {labels: each for labels, each in tally.readings().items() if now.sensors.get(labels[0], True)}
    degrees: Numbers = {(each.sensor,): celsius for each in newest.values() if (celsius := _celsius(each)) is not None}
    text = "The last good temperature; absent while the sensor is away."
    yield gauge("temperature_celsius", text, ("sensor",), degrees)
    others = {(*labels, each.unit): each.value for labels, each in newest.items() if _celsius(each) is None}
    text = "The last good reading of another quantity; absent while the sensor is away."
    yield gauge("reading", text, ("sensor", "quantity", "unit"), others)
    text = "When it was taken."
    yield gauge("reading_timestamp_seconds", text, ("sensor", "quantity"), {k: r.at.wall for k, r in newest.items()})


def _celsius(reading: Reading) -> float | None:
    """None for what is no temperature."""
    if reading.quantity != "temperature":
        return None
    match reading.unit:
        case "C" | "°C":
            return reading.value
        case "F" | "°F":
            return (reading.value - 32) / 1.8
        case "K":
            return reading.value - 273.15
    return None


def _sending(now: HouseFigures) -> Iterator[Metric]:
    if (outbox := now.outbox) is not None:
        yield from one("outbox_pending_messages", "Messages that wait for their destination.", outbox.pending)
        yield from one("outbox_size_bytes", "Bytes of the messages that wait.", outbox.bytes)
        yield from one("outbox_oldest_seconds", "Age of the oldest one.", outbox.oldest_s)
        yield from one("outbox_refused_messages", "Messages set aside: their destination refused them.", outbox.refused)
        dropped: Numbers = {(reason,): number for reason, number in outbox.dropped.items()}
        text = "Messages that the outbox gave up, since its database was made."
        yield counter("outbox_dropped_messages", text, ("reason",), dropped)
        not_told: Numbers = {(reason,): number for reason, number in outbox.not_told.items()}
        text = "Notifications to people that were not sent, since the database was made."
        yield counter("notifications_not_told", text, ("reason",), not_told)
    if now.live_dropped is not None:
        yield counter("live_dropped_messages", "Live messages that were not sent.", (), {(): now.live_dropped})
    yield from one("broker_connected", "Whether there is a connection (1) or not (0).", _number(now.is_connected))
    ends: Numbers = {(use,): end for use, end in now.certificates.items()}
    if ends:
        yield gauge("certificate_expiry_timestamp_seconds", "When the certificate ends.", ("certificate",), ends)


def _rules(now: HouseFigures) -> Iterator[Metric]:
    if not now.rules:
        return
    labels = ("rule",)
    by_rule: Mapping[Labels, Mapping[str, float]] = {
        (name,): {"matched": each.matched, "failed": each.failed, "aside": float(each.is_set_aside)}
        for name, each in now.rules.items()
    }

    def column(name: str) -> dict[Labels, float]:
        return {rule: values[name] for rule, values in by_rule.items()}

    yield counter("rule_matches", "Messages that the rule matched.", labels, column("matched"))
    yield counter("rule_failures", "Messages that the rule failed on.", labels, column("failed"))
    yield gauge("rule_set_aside", "Whether the rule failed too often and runs no more (1).", labels, column("aside"))


def _machine(now: HouseFigures) -> Iterator[Metric]:
    yield from one("process_start_time_seconds", "When the program was started.", now.started)
    if (usage := now.usage) is not None:
        yield counter("process_cpu_seconds", "Processor time of the program.", (), {(): usage.process_cpu})
        yield from one("process_resident_memory_bytes", "Memory that the program holds.", usage.rss)
        yield from one("process_threads", "Threads of the program.", usage.threads)
        if usage.node_busy is not None:
            text = "Processor time that the device used, all cores together."
            yield counter("node_cpu_busy_seconds", text, (), {(): usage.node_busy})
        yield from one("node_cpu_cores", "Cores of the device's processor.", usage.node_cores)
        yield from one("node_memory_size_bytes", "Memory of the device.", usage.memory_size)
        text = "Memory of the device that is free or holds caches."
        yield from one("node_memory_available_bytes", text, usage.memory_available)
    if now.disk is not None:
        yield from one("node_disk_size_bytes", "Size of the file system with the database.", now.disk[0])
        yield from one("node_disk_available_bytes", "What is free there.", now.disk[1])
    yield from one("node_uptime_seconds", "Time since the device was started.", now.uptime_s)
    yield from one("node_processor_celsius", "Temperature of the processor.", now.soc_temperature)


def _number(flag: bool | None) -> float | None:
    return None if flag is None else float(flag)
