"""`edge-mask bench`: what this machine can do."""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from edge_mask.cli.common import a_name, add_json


def add(commands: Any) -> None:
    """The `bench` command."""
    parser = commands.add_parser(
        "bench",
        help="latency and throughput of this machine",
        description="Measures the model alone, the whole pipeline, the outbox and its drain on this machine. The daemon"
        " should not run meanwhile.",
    )
    parser.add_argument(
        "--model",
        type=a_name,
        default=None,
        metavar="PKG",
        help="a model package, or one of its files (default: the one that comes along)",
    )
    parser.add_argument("--threads", type=int, default=2, choices=range(1, 65), metavar="N", help="TFLite threads (2)")
    parser.add_argument("--quick", action="store_true", help="a few seconds instead of about half a minute")
    add_json(parser)
    parser.set_defaults(function=_bench)


def _bench(arguments: argparse.Namespace) -> int:
    from edge_mask.cli.run import SWITCH_INTERVAL
    from edge_mask.packages.location import DEFAULT, find_package

    sys.setswitchinterval(SWITCH_INTERVAL)  # as the daemon does
    package = find_package(arguments.model or DEFAULT)
    with tempfile.TemporaryDirectory(prefix="edge-mask-bench-") as folder:
        figures = _measure(package, arguments.threads, Path(folder), quick=arguments.quick)
    if arguments.json:
        print(json.dumps(figures))
        return 0
    model, pipeline, outbox = figures["model"], figures["pipeline"], figures["outbox"]
    print(f"model      {model['name']} ({model['file']}, {model['runtime']}, {arguments.threads} threads)")
    print(f"           graph alone {model['invoke_ms']:.1f} ms, picture to faces {model['detect_ms']:.1f} ms (medians)")
    print(
        f"pipeline   {pipeline['frames_per_s']:.1f} frames/s, {pipeline['ratio']:.2f} of the bare graph's"
        f" {pipeline['invocations_per_s']:.1f}/s"
    )
    print(f"outbox     {outbox['recorded_per_s']:.0f} messages/s recorded, on the disk")
    print(f"drain      {outbox['drained_per_s']:.0f} messages/s sent and settled, with a broker that answers at once")
    return 0


def _measure(package: Path, threads: int, folder: Path, *, quick: bool) -> dict[str, Any]:
    from edge_mask import bench
    from edge_mask.packages.measure import measure_model
    from edge_mask.units import Seconds

    model = measure_model(package, threads=threads, seconds=Seconds(1.0 if quick else 5.0))
    # So many frames that filling the lanes at the start and emptying them at the end hardly counts.
    rounds, frames, messages = (3, 150, 2_000) if quick else (7, 300, 10_000)
    pipeline = bench.measure_pipeline(package, folder, threads=threads, rounds=rounds, frames=frames)
    return {
        "model": {
            "name": model.model, "file": model.file, "runtime": model.runtime, "threads": model.threads,
            "invoke_ms": model.invoke_ms, "detect_ms": model.detect_ms, "ratio": model.ratio,
        },
        "pipeline": {
            "invocations_per_s": pipeline.invocations_per_s, "frames_per_s": pipeline.frames_per_s,
            "ratio": pipeline.ratio, "ratios": pipeline.ratios,
        },
        "outbox": {
            "recorded_per_s": bench.recorded_per_second(folder / "recorded.db", messages),
            "drained_per_s": bench.drained_per_second(folder / "drained.db", messages),
        },
    }  # fmt: skip
