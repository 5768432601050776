"""What servers answered last, as it is remembered: by address, without secrets, and seldom written."""

import json
from pathlib import Path

import pytest

from edge_mask.deliver.answers import AT_MOST_EVERY, MOST, SAME_EVERY, Answers, address_of, place_of, read
from edge_mask.deliver.http_request import HttpRequest, request_of
from edge_mask.messages import Message, Outcome, Priority, Receipt
from edge_mask.runtime.clock import ManualClock

TAKEN, LATER = Receipt(Outcome.DELIVERED), Receipt(Outcome.UNKNOWN, "no answer within 10 s")


def to(url: str) -> HttpRequest:
    return request_of(Message(topic=url, payload=b"{}", priority=Priority.EVIDENCE, qos=1))


VMS = to("http://vms.local:8090/metadata?key=cherry")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "edge-mask.db"


def test_the_last_end_of_each_address_is_there_after_a_restart(database: Path, clock: ManualClock) -> None:
    answers = Answers(database, clock)
    answers.tell(VMS, TAKEN, '200 OK: {"code": "0000"}')
    answers.tell(to("http://vms.local:8090/usage"), LATER, "")
    answers.keep()
    found = read(database)
    assert {address: (each.is_taken, each.text) for address, each in found.items()} == {
        "http://vms.local:8090/metadata": (True, '200 OK: {"code": "0000"}'),
        "http://vms.local:8090/usage": (False, "no answer within 10 s"),
    }
    assert "cherry" not in place_of(database).read_text()
    assert place_of(database).stat().st_mode & 0o777 == 0o600
    again = Answers(database, clock)
    again.keep(at_the_end=True)
    assert read(database) == found


def test_an_address_does_not_show_a_password() -> None:
    assert address_of(to("https://kim:pa55word@[::1]/a?b=c")) == "https://[::1]:443/a"


def test_a_post_each_second_is_written_each_ten_minutes_and_a_change_soon(database: Path, clock: ManualClock) -> None:
    answers, written = Answers(database, clock), []
    place = place_of(database)

    def second(said: str, receipt: Receipt = TAKEN) -> None:
        answers.tell(VMS, receipt, said)
        answers.keep()
        if place.exists():
            written.append(place.read_text())
            place.unlink()
        clock.advance(1.0)

    for number in range(1200):
        second(f'200 OK: {{"number": {number}}}')
    assert len(written) == 1200 / SAME_EVERY
    written.clear()
    for _ in range(60):
        second("503 Service Unavailable", LATER)
    assert len(written) == 1
    for number in range(60):  # it comes and goes
        second("200 OK" if number % 2 else "503 Service Unavailable")
    assert len(written) <= 1 + 60 / AT_MOST_EVERY
    answers.tell(VMS, TAKEN, "200 OK: the last one")
    answers.keep(at_the_end=True)
    assert "the last one" in place.read_text()


def test_addresses_without_end_do_not_fill_the_memory(database: Path, clock: ManualClock) -> None:
    answers = Answers(database, clock)
    for number in range(3 * MOST):
        answers.tell(to(f"http://vms.local/{number}"), TAKEN, "x" * 10_000)
    answers.keep()
    found = read(database)
    assert list(found) == [f"http://vms.local:80/{number}" for number in range(2 * MOST, 3 * MOST)]
    assert place_of(database).stat().st_size < 40_000


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff", b'{"a": 1}', b'{"a": {"at": "x", "is_taken": true, "text": ""}}', b"[" * 100_000],
)
def test_a_damaged_file_is_an_empty_one(database: Path, clock: ManualClock, content: bytes) -> None:
    place_of(database).write_bytes(content)
    assert read(database) == {}
    answers = Answers(database, clock)
    answers.tell(VMS, TAKEN, "200 OK")
    answers.keep()
    assert len(read(database)) == 1


def test_a_full_disk_keeps_nobody_from_going_on(database: Path, clock: ManualClock) -> None:
    answers = Answers(database, clock)
    place_of(database).with_name("edge-mask.db.answers.json.new").mkdir()  # what cannot be written
    answers.tell(VMS, TAKEN, "200 OK")
    answers.keep()
    assert read(database) == {}
    place_of(database).with_name("edge-mask.db.answers.json.new").rmdir()
    answers.keep(at_the_end=True)
    assert json.loads(place_of(database).read_text())
