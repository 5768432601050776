"""The table of jobs: each is begun a bounded number of times, done once, and its outcome reported until it is known."""

import json
from pathlib import Path
from typing import Any

import pytest

from edge_mask.control.cloud.job_document import Install, Reload, Set
from edge_mask.control.cloud.job_memory import JobMemory
from edge_mask.control.cloud.jobs import DONE_WITHIN, Do, Jobs
from edge_mask.control.cloud.orders import Say
from edge_mask.control.kept import Kept
from edge_mask.errors import ConfigurationError, DatabaseError, TryLater
from edge_mask.wire.topics import JobTopics

TOPICS = JobTopics("gate-01")
BASE = "$aws/things/gate-01/jobs"
RELOAD = {"operation": "reload"}
SUM = "ab" * 32


class Device:
    """A device around the table; the test is the service."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "edge-mask.db.jobs.json"
        self.now = 100.0
        self.tokens = 0
        self.last: dict[str, Any] = {}
        self.restart()

    def restart(self) -> None:
        """The process begins anew, with what lies on the disk."""
        self.table = Jobs(TOPICS, JobMemory(Kept(self.file)), new_token=self.token)

    def token(self) -> str:
        self.tokens += 1
        return f"t{self.tokens}"

    def connect(self) -> list[Say | Do]:
        self.table.connected()
        return self.turn()

    def turn(self, seconds: float = 0.0) -> list[Say | Do]:
        self.now += seconds
        orders = self.table.turn(self.now)
        for order in orders:
            if isinstance(order, Say):
                self.last = json.loads(order.payload)
        return orders

    def hear(self, topic: str, content: Any) -> list[Say | Do]:
        payload = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.table.hear(f"{BASE}/{topic}", payload, self.now)
        return self.turn()

    def answer(self, topic: str, content: Any) -> list[Say | Do]:
        """To the request that was sent last."""
        return self.hear(topic, {**content, "clientToken": self.last["clientToken"]})

    def hand_out(self, job: str = "j1", document: Any = RELOAD, number: int = 1) -> list[Say | Do]:
        execution = {"jobId": job, "jobDocument": document, "status": "IN_PROGRESS", "versionNumber": 2}
        return self.answer("start-next/accepted", {"execution": {**execution, "executionNumber": number}})

    def end(self, order: Say | Do, error: Exception | None = None, **details: str) -> list[Say | Do]:
        assert isinstance(order, Do)
        self.table.ended(order.number, error, details, self.now)
        return self.turn()


def said(orders: list[Say | Do], topic: str) -> Any:
    (order,) = orders
    assert isinstance(order, Say), orders
    assert order.topic == f"{BASE}/{topic}"
    return json.loads(order.payload)


@pytest.fixture
def device(tmp_path: Path) -> Device:
    made = Device(tmp_path)
    said(made.connect(), "start-next")
    return made


def test_a_job_is_done_and_its_outcome_reported_and_the_next_asked_for(device: Device) -> None:
    (order,) = device.hand_out()
    assert order == Do(1, Reload())
    update = said(device.end(order, config_version="3"), "j1/update")
    assert update["status"] == "SUCCEEDED"
    assert update["statusDetails"] == {"config_version": "3"}
    assert (update["expectedVersion"], update["executionNumber"]) == (2, 1)
    said(device.answer("j1/update/accepted", {}), "start-next")
    assert device.answer("start-next/accepted", {}) == []
    assert device.turn(3600.0) == []


def test_a_new_job_is_fetched_when_the_service_tells_of_it(device: Device) -> None:
    device.answer("start-next/accepted", {})
    assert device.hear("notify-next", {"timestamp": 1}) == []
    said(device.hear("notify-next", {"execution": {"jobId": "j1"}}), "start-next")


@pytest.mark.parametrize(
    ("document", "operation"),
    [
        (RELOAD, Reload()),
        ({"operation": "configure", "set": {"gate": {"votes": 3}}}, Set({"gate": {"votes": 3}})),
        (
            {"operation": "install-model", "name": "m", "version": "2", "source": "/tmp/m.zip", "sha256": SUM},
            Install("m", "2", "/tmp/m.zip", SUM, activate=True),
        ),
        (
            {"operation": "install-model", "name": "m", "version": "2", "source": "file:///a%20b.zip",
             "sha256": SUM.upper(), "activate": False},
            Install("m", "2", "/a b.zip", SUM, activate=False),
        ),
    ],
)  # fmt: skip
def test_each_operation_is_understood(device: Device, document: Any, operation: Any) -> None:
    assert device.hand_out(document=document) == [Do(1, operation)]


INSTALL = {"operation": "install-model", "name": "m", "version": "2", "source": "/m.zip", "sha256": SUM}


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (None, "is no object"),
        ([], "is no object"),
        ({}, "found none; allowed: reload, configure, install-model"),
        ({"operation": 5}, "found none"),
        ({"operation": "relod"}, 'found "relod"; allowed: reload, configure, install-model; did you mean reload?'),
        ({"operation": "reload", "set": {}}, 'unknown key "set"'),
        ({"operation": "configure"}, "set: expected an object"),
        ({"operation": "configure", "set": []}, "set: expected an object"),
        ({**INSTALL, "sha256": None}, "nothing is installed without"),
        ({**INSTALL, "sha256": "abc"}, "64 hexadecimal digits"),
        ({**INSTALL, "source": "http://host/m.zip"}, "allowed: an absolute path"),
        ({**INSTALL, "source": "m.zip"}, "allowed: an absolute path"),
        ({**INSTALL, "source": "file://host/m.zip"}, "allowed: an absolute path"),
        ({**INSTALL, "source": "https://[/m.zip"}, "is no address"),
        ({**INSTALL, "source": "/m\0.zip"}, "expected text"),
        ({**INSTALL, "version": 2}, "expected both as text"),
        ({**INSTALL, "activate": "yes"}, "expected true or false"),
    ],
)
def test_an_unknown_job_is_rejected_with_a_sentence(device: Device, document: Any, sentence: str) -> None:
    update = said(device.hand_out(document=document), "j1/update")
    assert update["status"] == "REJECTED"
    assert sentence in update["statusDetails"]["error"]


@pytest.mark.parametrize(
    ("error", "status"), [(ConfigurationError(["gate.votes: found 0"]), "REJECTED"), (DatabaseError("disk"), "FAILED")]
)
def test_a_wrong_job_is_rejected_and_a_job_that_was_tried_has_failed(
    device: Device, error: Exception, status: str
) -> None:
    (order,) = device.hand_out()
    update = said(device.end(order, error), "j1/update")
    assert (update["status"], update["statusDetails"]) == (status, {"error": str(error)})


def test_an_outcome_survives_a_restart_and_is_reported_first(device: Device) -> None:
    (order,) = device.hand_out()
    device.table.lost()
    assert device.end(order, config_version="1") == []
    device.restart()
    assert said(device.connect(), "j1/update")["status"] == "SUCCEEDED"


def test_an_outcome_is_reported_until_the_service_has_it(device: Device) -> None:
    (order,) = device.hand_out()
    device.end(order)
    times = 0
    for _ in range(3600):
        times += len(device.turn(1.0))
    assert 8 < times < 25


def test_a_job_that_ends_the_process_is_not_done_for_ever(device: Device) -> None:
    for _ in range(2):
        (order,) = device.hand_out()
        assert isinstance(order, Do)
        device.restart()
        device.connect()
    update = said(device.hand_out(), "j1/update")
    assert update["status"] == "FAILED"
    assert "the daemon ended 2 times" in update["statusDetails"]["error"]


def test_the_same_job_given_again_by_a_person_is_done_again(device: Device) -> None:
    for _ in range(2):
        device.hand_out()
        device.restart()
        device.connect()
    assert device.hand_out(number=2) == [Do(1, Reload())]


def test_a_clean_stop_is_no_try(device: Device) -> None:
    for _ in range(5):
        (order,) = device.hand_out()
        device.end(order, TryLater("the program is stopping"))
        device.restart()
        device.connect()
    assert isinstance(device.hand_out()[0], Do)


def test_a_clean_stop_while_it_is_done_is_no_try(device: Device) -> None:
    for _ in range(5):
        device.hand_out()
        device.table.stopped()
        device.restart()
        device.connect()
    assert isinstance(device.hand_out()[0], Do)


def test_a_job_that_could_not_be_done_now_is_done_later(device: Device) -> None:
    (order,) = device.hand_out()
    assert device.end(order, TryLater("another configuration came meanwhile")) == []
    assert device.turn(6.0) == [Do(2, Reload())]


def test_a_job_that_never_can_be_done_now_fails_in_the_end(device: Device) -> None:
    (order,) = device.hand_out()
    for _ in range(100):
        orders = device.end(order, TryLater("busy")) or device.turn(6.0)
        if isinstance(orders[0], Say):
            break
        (order,) = orders
    assert said(orders, "j1/update")["statusDetails"] == {"error": "busy"}


def test_a_job_that_never_ends_fails_after_its_time_and_its_late_end_means_nothing(device: Device) -> None:
    (order,) = device.hand_out()
    assert device.turn(DONE_WITHIN - 1) == []
    assert device.table.due(device.now) == device.now + 1
    update = said(device.turn(2.0), "j1/update")
    assert (update["status"], "not done within" in update["statusDetails"]["error"]) == ("FAILED", True)
    assert device.end(order) == []


def test_a_job_is_not_begun_when_that_cannot_be_noted(device: Device, tmp_path: Path) -> None:
    device.file = tmp_path / "no such folder" / "jobs.json"
    device.restart()
    device.connect()
    update = said(device.hand_out(), "j1/update")
    assert (update["status"], "could not note" in update["statusDetails"]["error"]) == ("FAILED", True)


def test_a_job_that_was_cancelled_meanwhile_is_forgotten(device: Device) -> None:
    (order,) = device.hand_out()
    device.end(order)
    state = {"status": "CANCELED", "versionNumber": 3}
    rejected = {"code": "InvalidStateTransition", "executionState": state}
    said(device.answer("j1/update/rejected", rejected), "start-next")


def test_another_version_is_taken_over_when_the_job_is_still_open(device: Device) -> None:
    (order,) = device.hand_out()
    device.end(order)
    state = {"status": "IN_PROGRESS", "versionNumber": 7}
    assert device.answer("j1/update/rejected", {"code": "VersionMismatch", "executionState": state}) == []
    assert said(device.turn(1.5), "j1/update")["expectedVersion"] == 7


def test_details_that_are_not_taken_are_left_out(device: Device) -> None:
    (order,) = device.hand_out()
    device.end(order, a="x")
    device.answer("j1/update/rejected", {"code": "InvalidRequest"})
    assert said(device.turn(1.5), "j1/update")["statusDetails"] == {}


def test_a_throttled_report_comes_again(device: Device) -> None:
    (order,) = device.hand_out()
    device.end(order)
    assert device.answer("j1/update/rejected", {"code": "RequestThrottled"}) == []
    said(device.turn(20.0), "j1/update")


def test_a_job_handed_out_twice_is_reported_and_not_done_again(device: Device) -> None:
    (order,) = device.hand_out()
    device.end(order, done="yes")
    device.answer("j1/update/accepted", {})
    assert said(device.hand_out(), "j1/update")["statusDetails"] == {"done": "yes"}


def test_answers_to_others_mean_nothing(device: Device) -> None:
    execution = {"jobId": "j1", "jobDocument": RELOAD, "versionNumber": 2}
    assert device.hear("start-next/accepted", {"execution": execution}) == []
    assert device.hear("start-next/accepted", {"execution": execution, "clientToken": "theirs"}) == []


def test_details_fit_what_the_service_takes(device: Device) -> None:
    (order,) = device.hand_out()
    update = said(device.end(order, a="line\nline\x07\u200b", b="x " * 2000, c=""), "j1/update")
    details = update["statusDetails"]
    assert details["a"] == "line; line??"
    assert (len(details["b"]), "c" in details) == (1024, False)


@pytest.mark.parametrize("job", ["a/b", "+", "#", "", "x" * 65, "j\n"])
def test_an_id_that_is_none_is_never_published_to(device: Device, job: str) -> None:
    assert device.hand_out(job) == []


GARBAGE = [
    b"", b"{", b"[]", b"null", b"NaN", b"\xff", b"[" * 100_000, b'{"execution": 5}', b'{"execution": {"jobId": 5}}',
    b'{"execution": {"jobId": "j1"}}', b'{"execution": {"jobId": "j1", "versionNumber": true}}',
    b'{"execution": {"jobId": "j1", "versionNumber": 1, "executionNumber": "x"}}', b'{"clientToken": 5}',
    b'{"code": 5}', b'{"code": "VersionMismatch", "executionState": 5}', b'{"execution": []}',
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(GARBAGE)))
@pytest.mark.parametrize("topic", ["notify-next", "start-next/accepted", "start-next/rejected", "j1/update/accepted",
                                   "j1/update/rejected"])  # fmt: skip
def test_garbage_on_its_topics_changes_nothing(device: Device, topic: str, number: int) -> None:
    garbage = GARBAGE[number]
    device.hear(topic, garbage)
    device.hear(topic, garbage.replace(b'{"', b'{"clientToken": "t1", "', 1))
    for _ in range(2):
        orders = device.turn(1000.0)
        if orders:
            said(orders, "start-next")
        if any(isinstance(order, Do) for order in device.hand_out()):
            return
        device.hear("notify-next", {"execution": {"jobId": "j1"}})
    raise AssertionError("it asks for no job any more")
