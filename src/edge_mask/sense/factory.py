"""From a sensor's kind and path in the configuration to the driver that understands them."""

from pathlib import Path

from edge_mask.errors import Refused
from edge_mask.runtime.clock import Clock
from edge_mask.sense.replay import Rate
from edge_mask.sense.scale import convert
from edge_mask.sense.sensor import Identity, Sensor
from edge_mask.sense.sysfs import SYSFS

KINDS = ("iio", "hwmon", "w1", "thermal", "replay")


def sensor_for(
    kind: str,
    path: str | None,
    identity: Identity,
    *,
    clock: Clock,
    rate: Rate = "realtime",
    loop: bool = False,
    sysfs: Path = SYSFS,
) -> Sensor:
    """The driver for one sensor. Raises Refused with a sentence when kind, path or unit make no sense.

    `path` is the CSV file of a replay, a 28-* device (w1), a zone's number, folder or type (thermal), or a chip and
    its channel such as `mlx90614/temp_object` (iio, hwmon).
    """
    if identity.quantity == "temperature":
        convert(0.0, "C", identity.unit)
    match kind:
        case "replay":
            return _replay(path, identity, clock, rate, loop)
        case "w1":
            from edge_mask.sense.w1 import W1Thermometer

            return W1Thermometer(identity, path or "", clock=clock, sysfs=sysfs)
        case "thermal":
            from edge_mask.sense.thermal import ThermalZone

            return ThermalZone(identity, path, clock=clock, sysfs=sysfs)
        case "iio":
            from edge_mask.sense.iio import IioChannel

            return IioChannel(identity, path, clock=clock, sysfs=sysfs)
        case "hwmon":
            from edge_mask.sense.hwmon import HwmonInput

            return HwmonInput(identity, path, clock=clock, sysfs=sysfs)
    raise Refused(f"sensor {identity.name}: unknown kind {kind!r}; allowed: {', '.join(KINDS)}")


def _replay(path: str | None, identity: Identity, clock: Clock, rate: Rate, loop: bool) -> Sensor:
    from edge_mask.sense.replay import Replay

    if not path:
        raise Refused(f"sensor {identity.name}: a replay needs `path`, a CSV file with the columns seconds,value")
    return Replay(identity, Path(path), clock=clock, rate=rate, loop=loop)
