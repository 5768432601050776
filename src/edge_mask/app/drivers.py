"""Builds the driver that a section of the settings describes, for the house and for the doctor."""

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
from edge_mask.settings.cameras import Camera
from edge_mask.settings.model import Settings

_MOST_LANES = 4


def rule_files(patterns: Sequence[str]) -> list[Path]:
    """The files that `rules` names, in order, without duplicates. Raises ConfigurationError for a missing file."""
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
    """The detectors that work in parallel; only the first one is verified. Raises ModelError.

    With an interval between frames, one detector uses all threads: lowest latency. With `interval: 0s` throughput
    counts: several lanes run side by side, so that no core is idle while another lane prepares or decodes.
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
    """How many lanes run with `interval: 0s`. Each needs memory for its own graph."""
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


def sysfs_root() -> Path:
    """The sysfs root; tests set their own."""
    return Path(os.environ.get("EDGE_MASK_SYSFS", "/sys"))
