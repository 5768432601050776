"""The demonstration: broker, subscriber and daemon, started in this order and stopped the other way round.

sample film, readings ──▶ daemon (a process of its own) ──MQTT──▶ broker (a thread) ──MQTT──▶ subscriber ──▶ lines
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from edge_mask.deliver.paho import PahoTransport
from edge_mask.demo.broker import HOST, EmbeddedBroker
from edge_mask.demo.configuration import configuration
from edge_mask.demo.printing import line
from edge_mask.errors import TryLater
from edge_mask.messages import Message
from edge_mask.units import Seconds

TOPICS = "edge-mask/#"
_STOP_WITHIN = 6.0  # seconds the daemon has for a clean stop: its own promise is five
_LOOK_EVERY = 0.5  # seconds between two looks at whether the daemon still runs


class Show:
    """One demonstration. `say` is called for each line, from several threads but never from two at once."""

    def __init__(self, say: Callable[[str], None], model: Path) -> None:
        self._print = say
        self._model = model
        self._line = threading.Lock()
        self._stop = threading.Event()

    def stop(self) -> None:
        """End it; may be called from a signal handler."""
        self._stop.set()

    def run(self, max_seconds: float | None) -> int:
        """Show until `stop`, the daemon's end, or `max_seconds`; the daemon's exit code. Nothing is left behind."""
        with ExitStack() as resources:
            folder = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="edge-mask-demo-")))
            broker = EmbeddedBroker()
            resources.callback(broker.stop)
            broker.start()
            self._listen(broker.port, resources)
            config = folder / "demo.yaml"
            config.write_text(configuration(folder, model=self._model, host=HOST, port=broker.port), encoding="utf-8")
            self._introduce(broker.port, config)
            code = self._daemon(config, max_seconds)
        self._say("Stopped: the daemon and the broker are gone, the database is removed.")
        return code

    def _introduce(self, port: int, config: Path) -> None:
        self._say("Input: a film of three visitors (no mask; mask; mask and fever) and a thermometer, again and again.")
        self._say(f"Model: {self._model}")
        self._say(f"Daemon: edge-mask run --config {config}")
        self._say(f"Messages: mosquitto_sub -h {HOST} -p {port} -t '{TOPICS}' -v    and below. Ctrl-C ends it.")
        self._say("")

    def _listen(self, port: int, resources: ExitStack) -> None:
        """Subscribe before the daemon starts, so that its first message is seen."""
        is_ready = threading.Event()
        subscriber = PahoTransport(
            host=HOST,
            port=port,
            client_id="demo-subscriber",
            version="3.1.1",
            on_state=lambda is_connected, _reason: is_ready.set() if is_connected else None,
        )
        subscriber.subscribe(TOPICS, self._receive)
        subscriber.open()
        resources.callback(subscriber.close, Seconds(2.0))
        if not is_ready.wait(_STOP_WITHIN):
            raise TryLater("the embedded broker does not answer")

    def _receive(self, message: Message) -> None:
        self._say(line(message.topic, message.payload))

    def _daemon(self, config: Path, max_seconds: float | None) -> int:
        """The real daemon with its real signals; its warnings go where ours go."""
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
            if daemon.poll() is not None:
                self._say(f"The daemon ended by itself, with exit code {daemon.returncode}.")
                return

    def _say(self, text: str) -> None:
        with self._line:
            self._print(text)


def _end(daemon: "subprocess.Popen[bytes]") -> int:
    """Stop it if it still runs; its exit code, 0 also for a stop that came before it could listen to signals."""
    if daemon.poll() is not None:
        return daemon.returncode
    daemon.terminate()
    try:
        code = daemon.wait(_STOP_WITHIN)
    except subprocess.TimeoutExpired:
        os.killpg(daemon.pid, signal.SIGKILL)
        code = daemon.wait()
    return 0 if code == -signal.SIGTERM else code
