"""Commands and configuration over HTTP, in process: the mouth, the desk and a clerk, without a broker."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from tests.waiting import PATIENCE
from tests.web.asking import Answer, Asking, asking, site

from edge_mask.control.afterwards import Afterwards
from edge_mask.control.clerk import Clerk
from edge_mask.control.desk import AT_ONCE, MOST_WAITING, Desk
from edge_mask.control.mouth import MOST_KEPT, Mouth
from edge_mask.control.repeats import REMEMBERED_FOR
from edge_mask.control.request import Rejected, Request
from edge_mask.errors import TryLater
from edge_mask.kinds import Priority
from edge_mask.messages import Fault, Message
from edge_mask.runtime.clock import ManualClock, SystemClock
from edge_mask.runtime.worker import Worker
from edge_mask.units import Seconds
from edge_mask.wire.topics import Topics


class House:
    """A clerk that nobody asks over a broker."""

    def __init__(self, folder: Path) -> None:
        self.desk = Desk(Afterwards())
        self.clock = ManualClock()
        self.mouth = Mouth(self.desk, self.clock)
        self.asked: list[Request] = []
        self.faults: list[Fault] = []
        self.free = threading.Event()
        self.free.set()
        names = ("infer", "snapshot", "status", "reload", "configure", "model", "erase")
        clerk = Clerk(
            self.desk, Topics("root", "t1"), None, dict.fromkeys(names, self.do), self.faults.append, self.clock
        )
        self.worker = Worker(clerk, SystemClock(), lambda _worker: None)
        self.program = asking(site(folder, ask=self.mouth.ask), bearer="control")

    def do(self, request: Request) -> dict[str, Any]:
        self.asked.append(request)
        assert self.free.wait(PATIENCE)
        match request.fields:
            case {"camera": "busy"}:
                raise Rejected("busy", "the model is being replaced")
            case {"camera": "gone"}:
                raise TryLater("the camera gone has shown nothing new for 5 s")
            case {"camera": "broken"}:
                raise ZeroDivisionError
            case {"set": {"web": _}}:
                raise Rejected("not_allowed", "web: cannot be set from outside")
        return {"number": len(self.asked)}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    made.worker.start()
    yield made
    made.free.set()
    made.worker.request_stop()
    assert made.worker.join(PATIENCE)


def ask(program: Asking, name: str, **fields: Any) -> Answer:
    return program.post(f"/api/v1/commands/{name}", json.dumps(fields).encode(), content_type="application/json")


def test_a_command_is_answered_as_over_mqtt(house: House) -> None:
    answer = ask(house.program, "status", request_id="r-1")
    assert answer.status == 200
    assert answer.json() == {"ok": True, "request_id": "r-1", "number": 1}


def test_a_command_without_a_body_is_one_with_an_empty_object(house: House) -> None:
    assert house.program.post("/api/v1/commands/status").json() == {"ok": True, "number": 1}


@pytest.mark.parametrize(
    ("name", "fields", "status", "code", "word"),
    [
        ("stauts", {}, 404, "unknown_command", "did you mean"),
        ("status", {"camera": "x"}, 400, "bad_request", "unknown key"),
        ("status", {"request_id": 5}, 400, "bad_request", "request_id"),
        ("infer", {"camera": "busy"}, 503, "busy", "being replaced"),
        ("infer", {"camera": "gone"}, 500, "failed", "nothing new"),
        ("infer", {"camera": "broken"}, 500, "failed", "internal fault"),
        ("configure", {"set": {"web": {}}}, 403, "not_allowed", "outside"),
        ("infer", {"picture": "A" * 131_500}, 413, "too_large", "at most"),
    ],
)
def test_what_is_not_done_says_why_with_the_same_code(
    house: House, name: str, fields: dict[str, Any], status: int, code: str, word: str
) -> None:
    answer = ask(house.program, name, **fields)
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["code"] == code
    assert word in told["detail"]
    assert ("retry-after" in answer.headers) == (code == "busy")


@pytest.mark.parametrize(
    "body", [b"[]", b"{", b'{"a": 1, "a": 2}', b'{"a": NaN}', b"\xff", b"[" * 100_000, b'{"a":' * 60]
)
def test_what_is_no_object_is_refused(house: House, body: bytes) -> None:
    answer = house.program.post("/api/v1/commands/status", body, content_type="application/json")
    assert (answer.status, answer.json()["code"]) == (400, "bad_request")
    assert house.asked == []


def test_a_request_of_100_megabytes_is_refused_by_its_length(house: House) -> None:
    headers = {"content_type": "application/json", "content_length": "100000000"}
    assert house.program.post("/api/v1/commands/infer", b"{}", **headers).status == 413
    assert house.asked == []


def test_the_body_is_json_or_for_infer_a_picture(house: House) -> None:
    assert house.program.post("/api/v1/commands/status", b"{}", content_type="text/plain").status == 415
    assert house.program.post("/api/v1/commands/infer", b"\xff\xd8", content_type="image/jpeg").status == 200
    assert house.asked[0].picture == b"\xff\xd8"
    assert house.program.post("/api/v1/commands/status", b"\xff\xd8", content_type="image/jpeg").status == 415


def test_the_same_request_is_carried_out_once_and_answered_each_time(house: House) -> None:
    first, second = (ask(house.program, "status", request_id="r-1").json() for _ in range(2))
    assert first == second == {"ok": True, "request_id": "r-1", "number": 1}
    assert ask(house.program, "reload", request_id="r-1").json()["number"] == 2, "another command"
    assert ask(house.program, "status").json()["number"] == 3
    assert ask(house.program, "status").json()["number"] == 4, "without an id all are new"


def test_a_request_that_is_under_way_is_joined(house: House) -> None:
    house.free.clear()
    first = house.mouth.ask("status", b'{"request_id": "r-1"}')
    second = house.mouth.ask("status", b'{"request_id": "r-1"}')
    assert not first.done()
    house.free.set()
    assert first.result(PATIENCE) == second.result(PATIENCE)
    assert len(house.asked) == 1


def test_after_five_minutes_the_same_id_is_a_new_request(house: House) -> None:
    assert ask(house.program, "status", request_id="r-1").json()["number"] == 1
    house.clock.advance(Seconds(REMEMBERED_FOR + 1))
    assert ask(house.program, "status", request_id="r-1").json()["number"] == 2


def test_what_was_busy_may_be_asked_again_under_the_same_id(house: House) -> None:
    for _ in range(2):
        assert ask(house.program, "infer", camera="busy", request_id="r-1").status == 503
    assert len(house.asked) == 2


def test_an_id_that_was_asked_over_mqtt_is_not_carried_out_again(house: House) -> None:
    payload = json.dumps({"request_id": "r-1"}).encode()
    message = Message(topic="root/commands/status", payload=payload, priority=Priority.LIVE, qos=1)
    house.desk.arrived(message)
    house.mouth.ask("reload", b"{}").result(PATIENCE)
    answer = ask(house.program, "status", request_id="r-1")
    assert answer.status == 400
    assert "carried out once" in answer.json()["detail"]


def test_too_many_at_once_are_busy_and_none_is_lost(house: House) -> None:
    house.free.clear()
    asked: list[Future[Any]] = [house.mouth.ask("status", b"{}") for _ in range(AT_ONCE + MOST_WAITING + 5)]
    house.free.set()
    answers = [each.result(PATIENCE) for each in asked]
    refused = [each for each in answers if not each["ok"]]
    assert {each["error"]["code"] for each in refused} == {"busy"}
    assert len(answers) - len(refused) == len(house.asked) >= AT_ONCE + MOST_WAITING


def test_answers_are_kept_for_the_last_few_alone(house: House) -> None:
    for number in range(3 * MOST_KEPT):
        ask(house.program, "status", request_id=f"r-{number}")
    assert len(house.mouth._kept) == MOST_KEPT


def test_a_part_of_the_configuration_is_what_configure_gets(house: House) -> None:
    wish = {"cctv": {"streak": 4}, "health": None}
    answer = house.program.ask(
        "PATCH", "/api/v1/config", json.dumps(wish).encode(),
        headers={"content_type": "application/merge-patch+json", "origin": "http://127.0.0.1:8080"},
    )  # fmt: skip
    assert answer.status == 200
    assert house.asked[0].name == "configure"
    assert house.asked[0].fields == {"set": wish}


def test_a_wish_for_the_page_itself_is_not_allowed(house: House) -> None:
    headers = {"content_type": "application/json", "origin": "http://127.0.0.1:8080"}
    answer = house.program.ask("PATCH", "/api/v1/config", b'{"web": {"enabled": false}}', headers=headers)
    assert (answer.status, answer.json()["code"]) == (403, "not_allowed")


@pytest.mark.parametrize("body", [b"", b"[]", b'{"cctv": {}} , "request_id": "x"', b"null"])
def test_a_patch_is_one_object(house: House, body: bytes) -> None:
    headers = {"content_type": "application/json", "origin": "http://127.0.0.1:8080"}
    answer = house.program.ask("PATCH", "/api/v1/config", body, headers=headers)
    assert answer.status == (200 if not body else 400)
