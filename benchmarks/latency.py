"""Latency of our model beside its peers: `python -m benchmarks.latency [PACKAGE…] [--peers DIR] [--threads 1 2 4]`.

All models of one runtime and number of threads are loaded together and take turns, so that what disturbs one
disturbs all; printed are medians and their ratio to the first peer (AIZOO), or to the first model without peers.
Load time and peak memory come from a fresh process for each model. Runtimes that are not installed are left out.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.peers import write_peers

from edge_mask.detect.model import ModelDetector
from edge_mask.detect.tflite import installed_runtimes
from edge_mask.errors import EdgeMaskError
from edge_mask.messages import Image
from edge_mask.packages.load import load_package
from edge_mask.packages.location import GRAPH, find_package
from edge_mask.picture import SUFFIXES, read_picture


def main() -> int:
    """Measure and print."""
    arguments = _parser().parse_args()
    if arguments.one:
        print(json.dumps(_fresh_figures(arguments.packages[0], arguments.one)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        packages = {str(path): path for path in map(find_package, arguments.packages or ["mask-detector"])}
        if arguments.peers:
            packages |= write_peers(arguments.peers, Path(folder))
        images = _images(arguments.pictures)
        rows = []
        for runtime in installed_runtimes():
            loads = {name: _in_a_fresh_process(path, runtime) for name, path in packages.items()}
            for threads in arguments.threads:
                rows += _compare(packages, loads, images, threads, runtime, arguments.seconds)
    _show(rows, as_json=arguments.json)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="*", metavar="PACKAGE",
                        help="package folders, or single files of packages (default: the shipped model)")  # fmt: skip
    parser.add_argument("--peers", type=Path, metavar="DIR", help="folder with aizoo.tflite and mobiledet.tflite")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="pictures to look at (default: noise)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--seconds", type=float, default=10.0, help="per runtime and number of threads")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)  # the fresh process: a runtime
    return parser


def _compare(
    packages: dict[str, Path],
    loads: dict[str, dict[str, Any]],
    images: Sequence[Image],
    threads: int,
    runtime: str,
    seconds: float,
) -> list[dict[str, Any]]:
    """One row per model; the models take turns, picture by picture. Graph time is measured inside the detector."""
    detectors: dict[str, ModelDetector] = {}
    rows: dict[str, dict[str, Any]] = {}
    for name, path in packages.items():
        shown = path.parent.name if path.suffix == GRAPH else path.name
        rows[name] = {"model": shown, "runtime": runtime, "threads": threads, **loads[name]}
        try:
            detectors[name] = load_package(path, threads=threads, runtime=runtime, verify=False)
        except EdgeMaskError as error:
            rows[name]["problem"] = str(error)
    invoke: dict[str, list[float]] = {name: [] for name in detectors}
    detect: dict[str, list[float]] = {name: [] for name in detectors}
    end, turn = time.perf_counter() + seconds, 0
    while time.perf_counter() < end or turn < 10:
        for name, detector in detectors.items():
            begin = time.perf_counter()
            detector.detect(images[turn % len(images)])
            detect[name].append((time.perf_counter() - begin) * 1000.0)
            invoke[name].append(detector.last_inference_ms)
        turn += 1
    for name, detector in detectors.items():
        rows[name]["file"] = detector.file
        rows[name]["invoke_ms"] = statistics.median(invoke[name])
        rows[name]["detect_ms"] = statistics.median(detect[name])
        rows[name]["graph_share"] = rows[name]["invoke_ms"] / rows[name]["detect_ms"]
        detector.close()
    measured = [row for row in rows.values() if "invoke_ms" in row]
    base = next((row for row in measured if row["model"] == "aizoo"), measured[0] if measured else None)
    for row in measured:
        assert base is not None
        row["ratio"] = row["invoke_ms"] / base["invoke_ms"]
        row["ratio_to"] = base["model"]
    return list(rows.values())


def _in_a_fresh_process(package: Path, runtime: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.latency", str(package.resolve()), "--one", runtime]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1])
    if done.returncode:
        return {}
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def _fresh_figures(package: str, runtime: str) -> dict[str, float]:
    """Load time without and with the imports, and peak memory after 50 pictures, of this process."""
    begin = time.perf_counter()
    detector = load_package(package, threads=2, runtime=runtime)
    load_ms = (time.perf_counter() - begin) * 1000.0
    again = time.perf_counter()
    load_package(package, threads=2, runtime=runtime).close()
    warm_ms = (time.perf_counter() - again) * 1000.0
    for image in _images(None) * 10:
        detector.detect(image)
    return {"first_load_ms": load_ms, "load_ms": warm_ms, "peak_rss_mib": _peak_mib()}


def _peak_mib() -> float:
    """Of this program alone: getrusage would count what the parent had before this one began."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024.0 for line in lines if line.startswith("VmHWM:"))


def _images(folder: Path | None) -> list[Image]:
    if folder is None:
        noise = np.random.default_rng(0)
        return [noise.integers(0, 256, (480, 640, 3)).astype(np.uint8) for _ in range(5)]
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    return [read_picture(path) for path in paths[:50]]


def _show(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    columns = {
        "invoke_ms": "graph ms", "ratio": "ratio", "detect_ms": "detector ms", "graph_share": "graph share",
        "load_ms": "load ms", "first_load_ms": "first load", "peak_rss_mib": "peak MiB",
    }  # fmt: skip
    print(f"{'model':<20}{'file':<20}{'runtime':<16}{'threads':>7}" + "".join(f"{c:>16}" for c in columns.values()))
    for row in rows:
        head = f"{row['model']:<20}{row.get('file', ''):<20}{row['runtime']:<16}{row['threads']:>7}"
        if "problem" in row:
            print(f"{head}  {row['problem']}")
        else:
            print(head + "".join(f"{row[key]:>16.2f}" if key in row else f"{'-':>16}" for key in columns))
    bases = sorted({row["ratio_to"] for row in rows if "ratio_to" in row})
    print(f"ratio: graph time to that of {', '.join(bases)} in the same run")


if __name__ == "__main__":
    sys.exit(main())
