"""What a daemon costs while nothing happens: how often its threads wake, and how much it writes.

    python -m benchmarks.idle [SECONDS]

A daemon with one finished sensor and no camera; where mosquitto is installed, it is connected to it. Wake-ups are
voluntary context switches of each thread. SQLite never syncs a file that it has not written to.
"""

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_SETTLES = 8.0
"""Seconds until everything that happens once after a start has happened."""

_DAEMON = """
import sys, threading
from pathlib import Path
from edge_mask.cli import main

def name_threads():
    names = "".join(f"{thread.native_id} {thread.name}\\n" for thread in threading.enumerate())
    Path("threads").write_text(names, encoding="utf-8")

timer = threading.Timer(3.0, name_threads)
timer.daemon = True
timer.start()
sys.exit(main(["run", "--config", "c.yaml"]))
"""


def main() -> None:
    """Prints one line for each thread, and the sums."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        has_broker = shutil.which("mosquitto") is not None
        transport = f"{{host: 127.0.0.1, port: {port}}}" if has_broker else "{transport: none}"
        (folder / "r.csv").write_text("seconds,value\n0,36.5\n", encoding="utf-8")
        (folder / "c.yaml").write_text(
            f"mqtt: {transport}\nhealth: {{interval: 1h}}\n"
            "sensors: [{name: s, kind: replay, path: r.csv, quantity: temperature, unit: C}]\n",
            encoding="utf-8",
        )
        broker = subprocess.Popen(["mosquitto", "-p", str(port)], stderr=subprocess.DEVNULL) if has_broker else None
        daemon = subprocess.Popen([sys.executable, "-c", _DAEMON], cwd=folder, stderr=subprocess.DEVNULL)
        try:
            time.sleep(_SETTLES)
            _measure(daemon.pid, folder, seconds)
        finally:
            daemon.terminate()
            daemon.wait(10)
            if broker is not None:
                broker.terminate()


def _measure(pid: int, folder: Path, seconds: float) -> None:
    lines = (folder / "threads").read_text(encoding="utf-8").splitlines()
    names = dict(line.split(" ", 1) for line in lines)
    before, already = _switches(pid), written(pid)
    time.sleep(seconds)
    after = _switches(pid)
    rates = {thread: (count - before.get(thread, 0)) / seconds for thread, count in after.items()}
    for thread, rate in sorted(rates.items(), key=lambda item: -item[1]):
        print(f"{rate:6.2f} /s  {names.get(thread, f'a library ({thread})')}")
    print(f"{sum(rates.values()):6.2f} /s  wake-ups in all (wanted: at most 2)")
    print(f"{(written(pid) - already) / seconds:6.2f} /s  bytes written (wanted: 0, and with it no fsync)")


def _switches(pid: int) -> dict[str, int]:
    """Voluntary context switches by thread."""
    found = {}
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        fields = dict(line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines() if ":" in line)
        found[status.parent.name] = int(fields["voluntary_ctxt_switches"])
    return found


def written(pid: int) -> int:
    """Bytes that a process has written to disks so far."""
    fields = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text(encoding="utf-8").splitlines())
    return int(fields["write_bytes"])


if __name__ == "__main__":
    main()
