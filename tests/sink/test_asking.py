"""Who is asked for what, and when again: time is an argument here."""

import itertools
import json
from typing import Any

from edge_mask.sink.asking import AT_ONCE, MOST_NUMBERS, Asking, Learned, Question, Wanted
from edge_mask.sink.devices import Device, bases_of
from edge_mask.sink.spans import Span

KEY = ("gate-01", "edge-mask/gate-01/visits")
HERE = Device("edge-mask/gate-01", is_online=True, came=1)


class House:
    """The devices that are there, and one asking store."""

    def __init__(self) -> None:
        self.asking = Asking("sink-a")
        self.devices = {"gate-01": HERE}
        self.now = 0.0

    def due(self, *gaps: Span, upto: int = 10_000, key: tuple[str, str] = KEY) -> list[Question]:
        self.asking.overdue(self.now)
        return self.asking.due({key[0]: [Wanted(key, gaps, upto)]}, self.devices.get, self.now)

    def answer(self, question: Question, **said: Any) -> Learned | None:
        return self.asking.answered({"request_id": question.id, **said}, self.now)

    def refuse(self, question: Question, code: str) -> Learned | None:
        return self.answer(question, ok=False, error={"code": code, "text": "…"})

    def looked(self) -> "House":
        [question] = self.due()
        self.answer(question, ok=True, sent=0, missing=[], last=10_000)
        return self


def test_a_device_is_asked_for_its_end_once_each_time_it_comes() -> None:
    it = House()
    [question] = it.due(upto=7)
    assert json.loads(question.payload) == {"request_id": question.id, "topic": KEY[1], "from_seq": 8, "to_seq": 8}
    assert question.topic == "edge-mask/gate-01/commands/history"
    learned = it.answer(question, ok=True, sent=0, missing=[], last=12)
    assert learned == Learned(KEY, [], learned.why, 12) if learned else False
    assert it.due(upto=7) == []
    it.devices["gate-01"] = Device(HERE.base, is_online=True, came=2)
    assert len(it.due(upto=7)) == 1


def test_a_long_gap_is_asked_for_in_parts_one_after_the_other() -> None:
    it = House().looked()
    asked = []
    while questions := it.due((1, 1200)):
        [question] = questions
        assert it.due((1, 1200)) == [], "one request at a time"
        asked.append(question.span)
        it.answer(question, ok=True, sent=MOST_NUMBERS, missing=[], last=10_000)
    assert asked == [(1, 500), (501, 1000), (1001, 1200)]
    it.now = 61.0
    assert it.due((3, 4))[0].span == (3, 4), "what did not come is asked for again"


def test_what_was_announced_and_does_not_come_is_asked_for_less_and_less_often() -> None:
    it = House().looked()
    times = []
    for _ in range(40_000):
        for question in it.due((5, 6)):
            times.append(it.now)
            it.answer(question, ok=True, sent=2, missing=[], last=10_000)
        it.now += 1.0
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert waits[:4] == [60.0, 120.0, 240.0, 480.0]
    assert max(waits) == 3600.0


def test_what_never_comes_is_lost() -> None:
    it = House().looked()
    [question] = it.due((5, 9))
    learned = it.answer(question, ok=True, sent=2, missing=[[5, 6], [9, 12]], last=10_000)
    assert learned is not None
    assert list(learned.lost) == [(5, 6), (9, 9)]


def test_a_device_that_counts_lower_now_has_lost_what_is_above() -> None:
    it = House().looked()
    [question] = it.due((5, 9))
    learned = it.answer(question, ok=True, sent=0, missing=[], last=6)
    assert learned is not None
    assert list(learned.lost) == [(7, 9)]


def test_answers_that_are_odd_or_for_others_change_nothing() -> None:
    it = House().looked()
    [question] = it.due((5, 9))
    assert it.asking.answered({"request_id": "sink-b-1", "ok": True}, 0.0) is None
    assert it.asking.answered({}, 0.0) is None
    learned = it.answer(question, ok=True, missing=[[9, 5], [1], "x", [None, 2], [True, 6]], last="soon")
    assert learned is not None
    assert list(learned.lost) == []


def test_a_device_that_is_away_or_unknown_is_not_asked() -> None:
    it = House()
    it.devices["gate-01"] = Device(HERE.base, is_online=False, came=1)
    assert it.due((5, 9)) == []
    it.devices.clear()
    assert it.due((5, 9)) == []


def test_one_that_goes_with_a_question_is_asked_again_when_it_is_back() -> None:
    it = House().looked()
    assert len(it.due((5, 9))) == 1
    it.devices["gate-01"] = Device(HERE.base, is_online=False, came=1)
    assert it.due((5, 9)) == []
    it.devices["gate-01"] = Device(HERE.base, is_online=True, came=2)
    assert len(it.due((5, 9))) == 1


def test_one_that_does_not_answer_or_is_busy_is_left_alone_for_longer_and_longer() -> None:
    it = House().looked()
    it.due((5, 9))
    it.now = 41.0
    assert it.due((5, 9)) == []
    it.now = 47.0
    [question] = it.due((5, 9))
    it.refuse(question, "busy")
    it.now = 56.0
    assert it.due((5, 9)) == []
    it.now = 58.0
    assert len(it.due((5, 9))) == 1


def test_a_topic_that_the_device_does_not_number_is_left_alone() -> None:
    it = House().looked()
    [question] = it.due((5, 9))
    learned = it.refuse(question, "bad_request")
    assert learned is not None
    assert list(learned.lost) == [(5, 9)]
    it.now = 80_000.0
    assert it.due((15, 19)) == []


def test_an_earlier_version_is_asked_once_an_hour() -> None:
    it = House().looked()
    [question] = it.due((5, 9))
    assert it.refuse(question, "unknown_command") is None
    it.now = 3599.0
    assert it.due((5, 9)) == []
    it.now = 3601.0
    assert len(it.due((5, 9))) == 1


def test_not_all_devices_are_asked_at_the_same_time() -> None:
    asking = Asking("sink-a")
    wanted = {f"gate-{n}": [Wanted((f"gate-{n}", f"edge-mask/gate-{n}/visits"), [(1, 2)], 5)] for n in range(100)}
    assert len(asking.due(wanted, lambda thing: Device(f"edge-mask/{thing}", True, 1), 0.0)) == AT_ONCE


def test_where_devices_stand_in_the_filters() -> None:
    assert bases_of(["edge-mask/+/+", "edge-mask/+/model/+", "kf99/topic", "site/+/edge/+/#"]) == [
        "edge-mask/+", "site/+",
    ]  # fmt: skip
