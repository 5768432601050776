"""An `about` under a topic that is used no more does not stay on the broker."""

import json
import threading
from pathlib import Path

import pytest

from edge_mask.deliver.memory import MemoryTransport
from edge_mask.fleet.registry.withdrawal import Used, Withdrawal
from edge_mask.runtime.clock import ManualClock
from edge_mask.runtime.worker import Finished

OLD, NEW = "edge-mask/old/about", "edge-mask/new/about"


def finished(job: Withdrawal, turns: int = 50) -> bool:
    stop = threading.Event()
    try:
        for _ in range(turns):
            job.step(stop)
    except Finished:
        return True
    return False


def begun(path: Path, kept: str | None, transport: MemoryTransport) -> Withdrawal:
    return Withdrawal(Used(path), kept, transport, ManualClock())


def test_the_old_topic_is_emptied_and_the_one_in_use_is_remembered(tmp_path: Path) -> None:
    path, transport = tmp_path / "about.json", MemoryTransport()
    assert not begun(path, OLD, transport).is_needed
    assert json.loads(path.read_text()) == [OLD]
    job = begun(path, NEW, transport)
    assert json.loads(path.read_text()) == [NEW, OLD]
    assert not finished(job)
    transport.open()
    assert finished(job)
    assert [(each.topic, each.payload, each.retain) for each in transport.delivered] == [(OLD, b"", True)]
    assert json.loads(path.read_text()) == [NEW]
    assert finished(begun(path, None, transport))
    assert not path.exists()


def test_what_is_refused_or_lost_is_tried_again(tmp_path: Path) -> None:
    path, transport = tmp_path / "about.json", MemoryTransport()
    Used(path).write([OLD])
    transport.refuse(lambda _message: "not authorized")
    transport.open()
    job = begun(path, None, transport)
    assert not finished(job)
    transport.refuse(lambda _message: "")
    transport.lose_acks(1)
    assert finished(job)
    assert not path.exists()


@pytest.mark.parametrize("content", ["", "{", "7", '["#", "a/+/b", "", 7, "x\\u0000"]', "[[]]"])
def test_a_file_that_cannot_be_used_takes_nothing_back(tmp_path: Path, content: str) -> None:
    path = tmp_path / "about.json"
    path.write_text(content)
    assert not begun(path, None, MemoryTransport()).is_needed
