"""`edge-mask demo --series`: a month of a water meter, as a subscriber reads it."""

import json
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jsonschema.validators import Draft202012Validator
from tests.end_to_end.test_demo import COMMAND, Watched, assert_nothing_is_left

from edge_mask.demo.subscriber import connected
from edge_mask.messages import Message
from edge_mask.wire.schema import json_schema

SHAPES = {"summaries": "Summary", "forecasts": "Forecast", "alerts": "Alert"}


@contextmanager
def shown(folder: Path, *arguments: str) -> Iterator[tuple[Watched, int]]:
    """A demo that runs, and the port of its broker."""
    watched = Watched(folder, "--series", *arguments)
    try:
        yield watched, int(watched.wait_for(r"mosquitto_sub -h 127\.0\.0\.1 -p (\d+) -t 'edge-mask/#' -v")[1])
    finally:
        if watched.process.poll() is None:
            watched.process.terminate()
            watched.end()


def test_days_and_alerts_come_as_messages_of_the_house_until_ctrl_c(tmp_path: Path) -> None:
    heard: list[Message] = []
    with shown(tmp_path) as (watched, port):
        with connected(port, "reader", heard.append):
            watched.wait_for(r"^!! Thu 05 Mar 10:\d\d  silent +main: flow: no reading for \d+ min$")
            watched.wait_for(r"^ok Thu 05 Mar 13:\d\d  silent +main: flow: ")
            watched.wait_for(r"^   Thu 05 Mar  night 3\.\d\d  \S+··\S+  mean 5\.\d\d \(5\.\d\d expected\)$")
            watched.process.send_signal(signal.SIGINT)
            assert watched.end() == 0
        assert watched.lines[-1].startswith("Stopped")
        assert watched.errors == []
        assert_nothing_is_left(watched, port)
    kinds = Counter(message.topic.rpartition("/")[2] for message in heard)
    assert set(kinds) == set(SHAPES)
    schema = json_schema()
    for message in heard:
        shape = SHAPES[message.topic.rpartition("/")[2]]
        Draft202012Validator({**schema, "anyOf": [{"$ref": f"#/$defs/{shape}"}]}).validate(json.loads(message.payload))


def test_it_ends_by_itself_when_its_time_is_over(tmp_path: Path) -> None:
    with shown(tmp_path, "--max-seconds", "2.5") as (watched, port):
        assert watched.end() == 0
        learned = watched.wait_for(r"^Learned in [\d.]+ s from (\d+) days: ([\d.]+) to ([\d.]+) L/s, at most [\d.]+ ")
        assert int(learned[1]) > 80
        assert float(learned[2]) < 3.2 < 10 < float(learned[3])
        assert not any(re.search("Tue 31 Mar", line) for line in watched.lines)
        assert_nothing_is_left(watched, port)


def test_a_model_of_faces_has_nothing_to_do_in_it() -> None:
    done = subprocess.run(
        [COMMAND, "demo", "--series", "--model", "models/mask-detector"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "--model belongs to the film" in done.stderr
