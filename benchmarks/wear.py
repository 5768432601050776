"""What an SD card has to take: bytes written to the disk for each reading.

    python -m benchmarks.wear [SECONDS]

One thermometer that is read each half second. Where mosquitto is installed, readings leave at once: each is written,
sent and removed again. Counted are whole pages, as the kernel writes them (write_bytes); what the card itself writes to
move its blocks about comes on top.
"""

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.idle import written

_SETTLES = 5.0
_EVERY = 0.5
_DAY = 86_400.0


def main() -> None:
    """Prints one line for each way to write."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    for where in ("broker there", "broker away"):
        for interval in ("50ms", "5s", "10s"):
            figure = _measure(seconds, interval, is_there=where == "broker there")
            day = figure * _DAY / 2.0
            print(f"{where}, commit_interval {interval:5}: {figure / 1e3:6.1f} kB a reading, {day / 1e6:6.0f} MB a day"
                  " with one reading each two seconds")  # fmt: skip


def _measure(seconds: float, commit_interval: str, *, is_there: bool) -> float:
    """Bytes written for each reading."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        rows = "".join(f"{n * _EVERY},{36 + n % 7 / 10}\n" for n in range(round((seconds + 60) / _EVERY)))
        (folder / "r.csv").write_text(f"seconds,value\n{rows}", encoding="utf-8")
        (folder / "c.yaml").write_text(
            f"mqtt: {{host: 127.0.0.1, port: {port}}}\nhealth: {{interval: 1h}}\n"
            f"outbox: {{commit_interval: {commit_interval}}}\n"
            "sensors: [{name: s, kind: replay, path: r.csv, quantity: temperature, unit: C}]\n",
            encoding="utf-8",
        )
        with_broker = is_there and shutil.which("mosquitto") is not None
        broker = subprocess.Popen(["mosquitto", "-p", str(port)], stderr=subprocess.DEVNULL) if with_broker else None
        command = [sys.executable, "-m", "edge_mask", "run", "--config", "c.yaml"]
        daemon = subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL)
        try:
            time.sleep(_SETTLES)
            before = written(daemon.pid)
            time.sleep(seconds)
            return (written(daemon.pid) - before) / (seconds / _EVERY)
        finally:
            daemon.terminate()
            daemon.wait(10)
            if broker is not None:
                broker.terminate()
                broker.wait(10)


if __name__ == "__main__":
    main()
