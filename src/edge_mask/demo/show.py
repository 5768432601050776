"""The demo: broker, subscriber and daemon, started in this order and stopped in reverse.

sample film, readings ──▶ daemon (a process of its own) ──MQTT──▶ broker (a thread) ──MQTT──▶ subscriber ──▶ lines
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from edge_mask.demo.broker import HOST, EmbeddedBroker
from edge_mask.demo.page import NONE, DemoPage, page_beside
from edge_mask.demo.subscriber import TOPICS, connected
from edge_mask.messages import Message
from edge_mask.plural import counted

SAMPLE = Path(__file__).parent / "sample"
FILM = SAMPLE / "visitors.mp4"
READINGS = SAMPLE / "forehead.csv"
ROOT = "edge-mask/{thing}"
DATABASE = "edge-mask.db"


def configuration(folder: Path, *, model: Path, host: str, port: int, web: Mapping[str, Any] | None = None) -> str:
    """YAML for the daemon: a gate and a room camera on one film, a thermometer; the database in `folder`; `web` is the
    section of the page."""
    film = f"file:{FILM}"
    return yaml.safe_dump(
        {
            "device": {"thing_name": "demo"},
            "cameras": [
                {"name": "front", "source": film, "role": "gate", "interval": "0.2s", "loop": True},
                {"name": "hall", "source": film, "role": "cctv", "interval": "1s", "loop": True},
            ],
            "detector": {"model": str(model)},
            "sensors": [
                {"name": "forehead", "kind": "replay", "path": str(READINGS), "quantity": "temperature", "loop": True}
            ],
            "gate": {"fever_above": 37.5, "temperature_sensor": "forehead"},
            "cctv": {"streak": 3, "rearm_after": "10s"},
            "mqtt": {"host": host, "port": port, "protocol": "3.1.1"},  # the embedded broker knows no other
            "topics": {"root": ROOT},
            "outbox": {"path": str(folder / DATABASE)},
            "detections": "off",  # several each second: too many to read
            "health": {"interval": "10s"},
            "snapshots": {"dir": str(folder / "snapshots"), **({"latest": "on"} if web else {})},
            "web": dict(web or {}),
            "log": {"level": "warning", "format": "console"},
        },
        sort_keys=False,
        allow_unicode=True,
    )


_STOP_WITHIN = 6.0  # seconds the daemon has for a clean stop: its own promise is five
_LOOK_EVERY = 0.5  # seconds between two looks at whether the daemon still runs


class Show:
    """One demonstration. `say` is called for each line, from several threads but never from two at once."""

    def __init__(self, say: Callable[[str], None], model: Path, *, opens: bool = False) -> None:
        """`opens`: in a browser, the page, as soon as it is there."""
        self._print = say
        self._model = model
        self._opens = opens
        self._page: DemoPage | None = None
        self._line = threading.Lock()
        self._stop = threading.Event()

    def stop(self) -> None:
        """End it; from any thread, but not from a signal handler."""
        self._stop.set()

    def run(self, max_seconds: float | None) -> int:
        """Show until `stop`, the daemon's end, or `max_seconds`; the daemon's exit code. Nothing is left behind."""
        with ExitStack() as resources:
            folder = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="edge-mask-demo-")))
            broker = EmbeddedBroker()
            resources.callback(broker.stop)
            broker.start()
            resources.enter_context(connected(broker.port, "demo-subscriber", self._receive))
            config = folder / "demo.yaml"
            page = self._page = page_beside(folder / DATABASE)
            section = None if page is None else page.section
            text = configuration(folder, model=self._model, host=HOST, port=broker.port, web=section)
            config.write_text(text, encoding="utf-8")
            self._introduce(broker.port, config, NONE if page is None else page.line)
            code = self._daemon(config, max_seconds)
        self._say("Stopped: the daemon and the broker are gone, the database is removed.")
        return code

    def _introduce(self, port: int, config: Path, page: str) -> None:
        self._say("Input: a film of three visitors (no mask; mask; mask and fever) and a thermometer, again and again.")
        self._say(f"Model: {self._model}")
        self._say(f"Daemon: edge-mask run --config {config}")
        self._say(page)
        self._say(f"Messages: mosquitto_sub -h {HOST} -p {port} -t '{TOPICS}' -v    and below. Ctrl-C ends it.")
        self._say("")

    def _receive(self, message: Message) -> None:
        self._say(line(message.topic, message.payload))

    def _daemon(self, config: Path, max_seconds: float | None) -> int:
        """Run the real daemon as a child process; its warnings go to our stderr."""
        command = [sys.executable, "-m", "edge_mask", "run", "--config", str(config)]
        # In a session of its own, so that Ctrl-C reaches it once and through us, in the right order.
        with subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL) as daemon:
            try:
                self._watch(daemon, max_seconds)
            finally:
                code = _end(daemon)
        return 0 if code == 0 else max(1, code)

    def _watch(self, daemon: "subprocess.Popen[bytes]", max_seconds: float | None) -> None:
        until = float("inf") if max_seconds is None else time.monotonic() + max_seconds
        while (left := until - time.monotonic()) > 0 and not self._stop.wait(min(left, _LOOK_EVERY)):
            if self._opens and self._page is not None and self._page.is_served():
                self._opens = False
                self._page.open()
            if daemon.poll() is not None:
                self._say(f"The daemon ended by itself, with exit code {daemon.returncode}.")
                return

    def _say(self, text: str) -> None:
        with self._line:
            self._print(text)


def _end(daemon: "subprocess.Popen[bytes]") -> int:
    """Stop it if it still runs; returns its exit code, 0 also when SIGTERM came before its handlers were set."""
    if daemon.poll() is not None:
        return daemon.returncode
    daemon.terminate()
    try:
        code = daemon.wait(_STOP_WITHIN)
    except subprocess.TimeoutExpired:
        os.killpg(daemon.pid, signal.SIGKILL)
        code = daemon.wait()
    return 0 if code == -signal.SIGTERM else code


Fields = Mapping[str, Any]


def line(topic: str, payload: bytes) -> str:
    """`12:30:05  visits       front: no_pass, no mask (0.97), 36.5 °C`; unknown or broken payloads as they are."""
    kind = topic.rsplit("/", 1)[-1]
    try:
        fields = json.loads(payload)
        text = _DESCRIPTIONS.get(kind, _anything)(fields)
        at = _clock(fields)
    except (ValueError, KeyError, TypeError, AttributeError):
        text, at = payload.decode("utf-8", "replace"), " " * 8
    return f"{at}  {kind:<12} {text}"


def _clock(fields: Fields) -> str:
    """The time of observation in the local zone; the will of a lost connection has none."""
    if "ts" not in fields:
        return " " * 8
    return f"{datetime.fromisoformat(fields['ts']).astimezone():%H:%M:%S}"


def _visit(fields: Fields) -> str:
    mask = str(fields["mask"] or "unclear").replace("_", " ")
    score = f" ({fields['mask_score']:.2f})" if fields["mask_score"] is not None else ""
    degrees = f", {fields['temperature']:.1f} °C" if fields["temperature"] is not None else ""
    reasons = f"  because: {', '.join(fields['reasons'])}" if fields["reasons"] else ""
    return f"{fields['camera']}: {fields['verdict']}, {mask}{score}{degrees}{reasons}"


def _look(fields: Fields) -> str:
    faces = counted(fields["faces"], "face")
    return f"{fields['camera']}: {faces}, {fields['no_mask']} without mask, streak {fields['streak']}"


def _alert(fields: Fields) -> str:
    return f"{fields['kind']}: {fields['text']}"


def _temperature(fields: Fields) -> str:
    unit = "°C" if fields["unit"] == "C" else fields["unit"]
    return f"{fields['sensor']}: {fields['temperature']:.1f} {unit}"


def _status(fields: Fields) -> str:
    model = f", model {fields['model']}" if fields.get("model") else ""
    return f"{fields['state']}{model}"


def _error(fields: Fields) -> str:
    return f"{fields['component']}: {fields['code']}: {fields['text']}"


def _health(fields: Fields) -> str:
    """Before the first frame there is no inference time, and between two reports at once no share of a processor."""
    shares = "".join(
        f"{word} {fields[name]:.0f} %, "
        for word, name in (("processor", "cpu"), ("memory", "memory"))
        if fields[name] is not None
    )
    took = "" if fields["inference_ms"] is None else f" of {fields['inference_ms']:.1f} ms"
    return f"{shares}{fields['fps']:.1f} looks/s{took}, {counted(fields['outbox']['pending'], 'message')} waiting"


def _anything(fields: Fields) -> str:
    return json.dumps(fields, ensure_ascii=False)


_DESCRIPTIONS: Mapping[str, Callable[[Fields], str]] = {
    "visits": _visit,
    "looks": _look,
    "alerts": _alert,
    "temperature": _temperature,
    "status": _status,
    "errors": _error,
    "health": _health,
}
