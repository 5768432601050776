"""From the parts of a house to its workers: the order of their start, what is judged, when nothing is left to do.

sinks ── senders ── minds ── lenses ── what watches the minds           (started from left to right, stopped from
         sensors    lanes    cameras                                     right to left)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edge_mask.app.gate_devices import GateDevices
from edge_mask.app.ground import Ground
from edge_mask.app.idle import IdleCheck
from edge_mask.app.instruments import Instruments
from edge_mask.capture.camera import Camera
from edge_mask.capture.factory import is_live
from edge_mask.messages import Fault
from edge_mask.runtime.door import Door
from edge_mask.runtime.house import House
from edge_mask.runtime.worker import Job, Worker
from edge_mask.units import Seconds
from edge_mask.vision.shared import Vision


@dataclass(frozen=True, slots=True)
class Built:
    """The parts of a house, none of them started."""

    sinks: Sequence[Job]
    instruments: Instruments
    lanes: Sequence[Job]
    """And who else judges frames."""
    cameras: Mapping[str, Camera]
    vision: Vision | None
    """None without cameras."""
    gate: GateDevices
    checks: Sequence[Callable[[Seconds], None]]
    """Called every second or two, besides those of cameras and sensors."""


def house_of(
    built: Built, ground: Ground, door: Door, has_looked: Callable[[], bool], why_stay: Callable[[], str]
) -> House:
    """The workers, sink first. `has_looked`: whether the database was looked through; `why_stay`: see House."""

    def worker(job: Job) -> Worker:
        return Worker(job, ground.clock, door.failed)

    def complain(component: str, code: str, text: str) -> None:
        ground.inbox.emit(Fault(at=ground.clock.now(), component=component, code=code, text=text))

    sinks = [worker(sink) for sink in built.sinks]
    senders = [worker(meter) for meter in built.instruments.jobs]
    minds = [worker(lane) for lane in built.lanes]
    lenses = {name: worker(camera) for name, camera in built.cameras.items()}
    last = [worker(job) for job in built.gate.last(minds)]
    files = [camera for camera in ground.settings.cameras if not is_live(camera.source)]
    finite = [
        *(sender for sender in senders if sender.job in built.instruments.finite),
        *(lenses[camera.name] for camera in files if not camera.loop),
    ]
    idleness = IdleCheck(finite, built.vision, ground.inbox.ask, ground.couriers.all, has_looked, built.gate)
    is_endless = any(camera.loop for camera in files)
    parts = (*built.cameras.values(), *built.instruments.jobs)
    judges = [*(each.check for each in parts), *built.checks]

    def check(now: Seconds) -> None:
        for judge in judges:
            judge(now)

    return House(
        [*sinks, *senders, *minds, *lenses.values(), *last],
        check=check,
        is_idle=lambda now: not is_endless and idleness.is_complete(now),
        complain=complain,
        why_stay=why_stay,
    )
