"""From a sensor's kind and path in the configuration to the driver that understands them."""

from pathlib import Path

from edge_mask.errors import Refused
from edge_mask.runtime.clock import Clock
from edge_mask.sense.identity import Identity
from edge_mask.sense.replay import Rate
from edge_mask.sense.scale import convert
from edge_mask.sense.sensor import Sensor
from edge_mask.sense.sysfs import SYSFS

KINDS = ("iio", "w1", "thermal", "replay")


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

    `path` is the CSV file of a replay, a 28-* device (w1), a zone's number, folder or type (thermal), or device and
    channel such as `iio:device0/in_temp` (iio); without it the first one there is.
    """
    if identity.quantity == "temperature":
        convert(0.0, "C", identity.unit)
    if kind == "replay":
        return _replay(path, identity, clock, rate, loop)
    if kind == "w1":
        from edge_mask.sense.w1 import W1Thermometer

        return W1Thermometer(identity, path or "", clock=clock, sysfs=sysfs)
    if kind == "thermal":
        from edge_mask.sense.thermal import ThermalZone

        return ThermalZone(identity, (path or "0").removeprefix("thermal_zone"), clock=clock, sysfs=sysfs)
    if kind == "iio":
        from edge_mask.sense.iio import IioChannel

        device, _, channel = (path or "0").partition("/")
        channel = channel.removeprefix("in_").removesuffix("_raw").removesuffix("_input")
        return IioChannel(identity, device.removeprefix("iio:device"), channel, clock=clock, sysfs=sysfs)
    raise Refused(f"sensor {identity.name}: unknown kind {kind!r}; allowed: {', '.join(KINDS)}")


def _replay(path: str | None, identity: Identity, clock: Clock, rate: Rate, loop: bool) -> Sensor:
    from edge_mask.sense.replay import Replay

    if not path:
        raise Refused(f"sensor {identity.name}: a replay needs `path`, a CSV file with the columns seconds,value")
    return Replay(identity, Path(path), clock=clock, rate=rate, loop=loop)
