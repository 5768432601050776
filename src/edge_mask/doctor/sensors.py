"""Opens sensors once and judges what they say by the daemon's own limits."""

import time
from contextlib import closing
from typing import Final

from edge_mask.app.drivers import sysfs_root
from edge_mask.app.sensors import gpio_feed, policies_of, quality_of, sensor_of, serial_port
from edge_mask.doctor.finding import Finding
from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Quality, Reading
from edge_mask.plural import counted
from edge_mask.runtime.clock import SystemClock
from edge_mask.sense.feed import Nonsense, Said
from edge_mask.sense.quality import QualityPolicy, QualityWatch
from edge_mask.sense.scale import Range
from edge_mask.settings.feeds import GpioSensor, SerialSensor
from edge_mask.settings.model import Settings
from edge_mask.settings.person import warmth_of_a_person
from edge_mask.settings.sensors import KernelSensor, ReplaySensor
from edge_mask.units import Seconds

_LISTENS_FOR: Final = 5.0
"""Seconds for a line on a serial port."""


def sensor(settings: Settings, which: KernelSensor | ReplaySensor | SerialSensor | GpioSensor) -> Finding:
    """What it says, and whether the daemon would use it."""
    match which:
        case SerialSensor():
            return _serial(settings, which)
        case GpioSensor():
            return _gpio(which)
    with closing(sensor_of(which, SystemClock(), sysfs_root())) as driver:
        reading = driver.read()
    if reading is None:
        raise TryLater(f"{which.path} holds no reading")
    doubt = doubt_of(settings, reading, quality_of(which))
    return Finding(f"sensor {which.name}", "warning" if doubt else "ok", _shown(reading) + doubt)


def _serial(settings: Settings, which: SerialSensor) -> Finding:
    """The first line that is understood."""
    part = f"sensor {which.name}"
    policies = policies_of(which, which.stuck_after)
    until = time.monotonic() + _LISTENS_FOR
    nonsense: list[str] = []
    with closing(serial_port([which], SystemClock())) as port:
        while (left := until - time.monotonic()) > 0:
            heard = port.listen(Seconds(min(left, 1.0)))
            readings = [each.reading for each in heard if isinstance(each, Said)]
            nonsense += [each.reason for each in heard if isinstance(each, Nonsense)]
            if readings:
                first = [each for each in readings if each.sensor == readings[0].sensor and each.at == readings[0].at]
                doubts = [doubt for each in first if (doubt := doubt_of(settings, each, policies[each.quantity]))]
                said = f"{first[0].sensor}: {', '.join(map(_shown, first))}{''.join(doubts)}"
                return Finding(part, "warning" if doubts else "ok", said)
    if nonsense:
        count = counted(len(nonsense), "line that gives no value", "lines that give no value")
        return Finding(part, "warning", f"{which.path}: {count}; {nonsense[-1]}")
    asked = " was asked, but" if which.ask else " is open, but"
    return Finding(part, "warning", f"{which.path}{asked} no line came within {_LISTENS_FOR:g} s")


def _gpio(which: GpioSensor) -> Finding:
    """Where its line is; it is not taken, since a running daemon may hold it."""
    try:
        return Finding(f"sensor {which.name}", "ok", gpio_feed(which, SystemClock()).look())
    except Refused as error:  # the daemon runs all the same
        raise TryLater(str(error)) from error


def _shown(reading: Reading) -> str:
    return f"{reading.quantity} {reading.value:g} {reading.unit}".rstrip()


def doubt_of(settings: Settings, reading: Reading, policy: QualityPolicy) -> str:
    """Why the daemon would not use this reading, or would let nobody pass; empty when all is well."""
    believed = policy.range or Range()
    if QualityWatch(policy).judge(reading) is Quality.OUT_OF_RANGE:
        return f": is outside of {f'{believed} {reading.unit}'.rstrip()}: the value is not used"
    gate = settings.gate
    if reading.sensor != gate.temperature_sensor or reading.quantity != "temperature":
        return ""
    coldest, hottest = warmth_of_a_person(gate, reading.unit)
    if not coldest <= reading.value <= hottest:
        of_a_person = f"{coldest:g} to {hottest:g} {reading.unit}, the warmth of a person (gate.temperature_range)"
        return f": is outside of {of_a_person}: right while nobody stands there, and such a reading measures nobody"
    if reading.value > gate.fever_above:
        return f": is above gate.fever_above, {gate.fever_above:g} {reading.unit}: nobody passes"
    return ""
