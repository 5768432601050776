"""From a section of the settings to the driver that it describes; used by the house and by the doctor."""

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from edge_mask.capture.factory import source_for
from edge_mask.capture.source import FrameSource
from edge_mask.detect.model import ModelDetector
from edge_mask.errors import ConfigurationError
from edge_mask.packages.load import load_package, load_side_by_side
from edge_mask.packages.location import find_package
from edge_mask.runtime.clock import Clock
from edge_mask.sense.factory import sensor_for
from edge_mask.sense.quality import QualityPolicy
from edge_mask.sense.scale import physical_range
from edge_mask.sense.sensor import Identity, Sensor
from edge_mask.settings.cameras import Camera
from edge_mask.settings.model import Settings
from edge_mask.settings.sensors import SensorSettings

_MOST_LANES = 4


def rule_files(patterns: Sequence[str]) -> list[Path]:
    """The files that `rules` names, each once, in order. Raises ConfigurationError for a name without a file."""
    found: dict[Path, None] = {}
    problems = []
    for pattern in patterns:
        paths = sorted(Path(path) for path in glob.glob(pattern))  # noqa: PTH207 (patterns may be absolute)
        if not paths and not any(sign in pattern for sign in "*?["):
            problems.append(f"rules: there is no file {pattern}")
        found.update(dict.fromkeys(paths))
    if problems:
        raise ConfigurationError(problems)
    return list(found)


def detector_of(settings: Settings) -> ModelDetector:
    """The verified model, warmed up. Raises ModelError."""
    wanted = settings.detector
    return load_package(find_package(wanted.model), threads=wanted.threads, score_threshold=wanted.score_threshold)


def detectors_of(settings: Settings) -> list[ModelDetector]:
    """The detectors that look side by side, equal but for the first one's proof. Raises ModelError.

    With a pause between looks, one picture at a time gets all threads: its answer is there sooner. A camera without one
    (`interval: 0s`) wants as many pictures looked at as can be: then there are lanes, whose threads do not wait for
    each other inside the graph and leave no core idle outside of it.
    """
    wanted = settings.detector
    is_hurried = any(not camera.interval for camera in settings.cameras)
    return load_side_by_side(
        find_package(wanted.model),
        lanes=lanes_for(wanted.threads) if is_hurried else 1,
        threads=wanted.threads,
        score_threshold=wanted.score_threshold,
    )


def lanes_for(threads: int) -> int:
    """How many detectors look side by side when pictures never pause. Each holds a graph of its own in memory."""
    return min(threads, _MOST_LANES)


def source_of(camera: Camera, clock: Clock) -> FrameSource:
    """The driver of one camera. Raises Refused."""
    return source_for(
        camera.source,
        camera=camera.name,
        clock=clock,
        interval=camera.interval,
        loop=camera.loop,
        rotate=camera.rotate,
        mirror=camera.mirror,
    )


def sensor_of(sensor: SensorSettings, clock: Clock, sysfs: Path) -> Sensor:
    """The driver of one sensor. Raises Refused."""
    identity = Identity(sensor.name, sensor.quantity, sensor.unit, sensor.interval)
    return sensor_for(sensor.kind, sensor.path, identity, clock=clock, rate=sensor.rate, loop=sensor.loop, sysfs=sysfs)


def quality_of(sensor: SensorSettings) -> QualityPolicy:
    """Which of a sensor's readings are believed."""
    believed = physical_range(sensor.quantity, sensor.unit, sensor.min, sensor.max)
    return QualityPolicy(range=believed, stuck_after=sensor.stuck_after)


def sysfs_root() -> Path:
    """Where the kernel's sensors and lamps are; tests point it at a tree of their own."""
    return Path(os.environ.get("EDGE_MASK_SYSFS", "/sys"))
