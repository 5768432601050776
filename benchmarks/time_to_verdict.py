"""From a face in place to the verdict, on the film that ships: `python -m benchmarks.time_to_verdict`.

The installed `edge-mask run` looks at the demo's film in the film's own time, with the default `gate.votes` and
`interval`. Wanted: a median of at most `votes` intervals and one inference.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
from pathlib import Path

from tests.end_to_end.daemon import COMMAND, write_config

from edge_mask.packages.load import load_package
from edge_mask.packages.location import find_package
from edge_mask.picture import read_picture

FILM = Path(__file__).parents[1] / "src" / "edge_mask" / "demo" / "sample" / "visitors.mp4"
VOTES, INTERVAL = 5, 0.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    times: list[int] = []
    for _ in range(arguments.rounds):
        with tempfile.TemporaryDirectory() as folder:
            times += _times(Path(folder))
    inference = _inference_ms()
    print(f"verdicts after {', '.join(map(str, sorted(times)))} ms; median {statistics.median(times):.0f} ms")
    wanted = VOTES * INTERVAL * 1000 + inference
    print(f"wanted: {VOTES} intervals of {INTERVAL} s and one inference ({inference:.1f} ms): {wanted:.0f} ms")


def _times(folder: Path) -> list[int]:
    cameras = [{"name": "front", "source": f"file:{FILM}", "role": "gate", "interval": f"{INTERVAL}s"}]
    model = {"model": str(find_package()), "threads": 2}
    config = write_config(folder, None, cameras=cameras, detector=model, gate={"votes": VOTES})
    for words in (("run", "--until-idle"), ("history", "--json")):
        done = subprocess.run(
            [COMMAND, words[0], "--config", config, words[1]], cwd=folder, capture_output=True, text=True, check=True
        )
    return [json.loads(line)["time_to_verdict_ms"] for line in done.stdout.splitlines()]


def _inference_ms() -> float:
    package = find_package()
    detector = load_package(package, threads=2)
    picture = read_picture(Path(str(package)) / "golden" / "portrait.jpg")
    return statistics.median(detector.look(picture).inference_ms for _ in range(20))


if __name__ == "__main__":
    main()
