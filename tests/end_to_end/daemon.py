"""The installed command, run as a user runs it, on scenes that a tiny model understands."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml
from tests.detect import packages, tiny_tflite

COMMAND = Path(sys.executable).with_name("edge-mask")
BARE, MASKED = packages.GREEN, packages.RED
"""The tiny model takes a red square for a masked face, a green one for a bare face."""
THING = "gate-01"


def edge_mask(*arguments: str | Path, cwd: Path, stdin: str | None = None, timeout: float = 60) -> "Ended":
    """Run one command to its end."""
    done = subprocess.run(
        [COMMAND, *arguments], cwd=cwd, input=stdin, capture_output=True, text=True, timeout=timeout, check=False
    )
    return Ended(done.returncode, done.stdout, done.stderr)


class Ended:
    """How a command ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    def __repr__(self) -> str:
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


def write_model(folder: Path) -> Path:
    """A package whose model sees coloured squares."""
    graph = tiny_tflite.anchor_free(strides=(16,))
    decoding = {"kind": "anchor_free", "strides": [16], "size_scale": 1.0}
    return packages.write_package(folder / "model", graph, decoding=decoding)


def write_scene(folder: Path, colours: Sequence[tuple[int, int, int] | None]) -> Path:
    """One picture per colour, with a square of it or with nobody."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, colour in enumerate(colours):
        squares = [] if colour is None else [((160, 160, 160, 160), colour)]
        image = packages.picture((640, 480), *squares)
        image[0, 0] = (number * 7 % 256, number * 13 % 256, 200)  # no picture is black, no two are the same
        image[400:, :] = 90
        packages.write_picture(folder / f"{number:04}.png", image)
    return folder


def write_readings(path: Path, values: Sequence[float], every: float = 0.1) -> Path:
    path.write_text("seconds,value\n" + "".join(f"{n * every:.2f},{value}\n" for n, value in enumerate(values)))
    return path


def write_config(folder: Path, port: int | None, **changes: Any) -> Path:
    """A gate camera over `scene`, publishing to the broker at `port`; `changes` replace whole sections."""
    config: dict[str, Any] = {
        "device": {"thing_name": THING},
        "cameras": [{"name": "front", "source": f"images:{folder / 'scene'}", "role": "gate", "interval": "0.05s"}],
        "detector": {"model": str(folder / "model"), "threads": 1},
        "mqtt": {"transport": "none"} if port is None else {"host": "127.0.0.1", "port": port},
        "outbox": {"path": str(folder / "edge-mask.db")} | ({} if port is None else {"drain_rate": "1000/s"}),
        "log": {"format": "console"},
        **changes,
    }
    roles = {camera.get("role", "gate") for camera in config["cameras"]}
    own = {"gate": {"votes": 3, "still": "ignore"}, "cctv": {"streak": 3}}
    config = {**{role: keys for role, keys in own.items() if role in roles}, **config}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


class Daemon:
    """A running `edge-mask run`; killed at the end of the block if it still runs."""

    WORD = "run"

    def __init__(
        self,
        config: Path,
        *arguments: str,
        environ: Mapping[str, str] | None = None,
        program: Sequence[str | Path] = (COMMAND,),
    ) -> None:
        self.stderr_path = config.with_name("stderr.txt")
        with self.stderr_path.open("ab") as stderr:
            self.process = subprocess.Popen(
                [*program, self.WORD, "--config", str(config), *arguments],
                cwd=config.parent, stderr=stderr, stdout=subprocess.DEVNULL, env={**os.environ, **(environ or {})},
            )  # fmt: skip

    @property
    def stderr(self) -> str:
        return self.stderr_path.read_text()

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, timeout: float = 60) -> int:
        return self.process.wait(timeout)

    def stop(self) -> int:
        """SIGTERM; the exit code, which must come within the promised 5 seconds (and what a busy machine adds)."""
        self.send(signal.SIGTERM)
        return self.wait(15)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(30)


def topic(kind: str) -> str:
    return f"edge-mask/{THING}/{kind}"


def lines(text: str) -> list[Any]:
    """A command's JSON lines."""
    return [json.loads(line) for line in text.splitlines()]
