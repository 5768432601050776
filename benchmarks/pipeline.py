"""Frames per second of the whole pipeline beside the bare graph's invocations per second: python -m benchmarks.pipeline

Pictures of 640 x 480 already in memory, interval 0, one camera, the shipped model, the same TFLite threads; the two
take turns, so that a busy machine slows both. Wanted: a ratio of 0.80 or more.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from edge_mask.bench import measure_pipeline
from edge_mask.cli.run import SWITCH_INTERVAL
from edge_mask.packages.location import find_package


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    arguments = parser.parse_args()
    sys.setswitchinterval(SWITCH_INTERVAL)  # as the daemon does
    package = find_package()
    for threads in arguments.threads:
        with tempfile.TemporaryDirectory() as folder:
            figures = measure_pipeline(
                package, Path(folder), threads=threads, rounds=arguments.rounds, frames=arguments.frames
            )
        spread = ", ".join(f"{ratio:.2f}" for ratio in sorted(figures.ratios))
        print(
            f"{threads} threads: pipeline {figures.frames_per_s:.0f}/s, bare graph {figures.invocations_per_s:.0f}/s,"
            f" ratio {figures.ratio:.2f} (rounds: {spread})"
        )


if __name__ == "__main__":
    main()
