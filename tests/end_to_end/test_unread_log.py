"""A log that nobody reads: the daemon goes on deciding and sending, and stops when it is told to."""

import fcntl
import os
import signal
import subprocess
from pathlib import Path

import pytest
from tests.broker import Mosquitto, Subscriber
from tests.end_to_end.daemon import COMMAND, topic, write_config, write_readings

pytestmark = pytest.mark.broker


def full_pipe() -> tuple[int, int]:
    """A pipe with no room left."""
    ear, mouth = os.pipe()
    fcntl.fcntl(mouth, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(mouth, False)
    while True:
        try:
            os.write(mouth, b"x")
        except BlockingIOError:
            os.set_blocking(mouth, True)
            return ear, mouth


def test_sending_and_stopping_do_not_wait_for_a_log_that_nobody_reads(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
) -> None:
    write_readings(tmp_path / "readings.csv", [20.0 + n / 10 for n in range(50)], every=0.01)
    (tmp_path / "rules.yaml").write_text(
        "chatty:\n  sql: \"SELECT * FROM 'edge-mask/gate-01/temperature'\"\n"
        "  awsIotSqlVersion: '2016-03-23'\n  actions:\n    - edgeMask: {log: {level: warning, text: a reading}}\n"
    )
    path = str(tmp_path / "readings.csv")
    sensor = {"name": "hall", "kind": "replay", "path": path, "interval": "0.05s", "loop": True}
    config = write_config(tmp_path, broker.port, cameras=[], sensors=[sensor], rules=[str(tmp_path / "rules.yaml")])
    ear, mouth = full_pipe()
    daemon = subprocess.Popen([COMMAND, "run", "--config", config], stdout=mouth, stderr=mouth, cwd=tmp_path)
    try:
        os.close(mouth)
        subscriber.wait_for_count(topic("temperature"), 60, timeout=60)
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(15) == 0
    finally:
        daemon.kill()
        daemon.wait(30)
        os.close(ear)
