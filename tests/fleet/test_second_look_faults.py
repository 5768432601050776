"""Each fault of a second look by its name: what comes back, what is asked too often, what is erased."""

import json
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.waiting import until

from edge_mask.decide.second_look import is_narrow, reconsidered
from edge_mask.deliver.memory import MemoryTransport
from edge_mask.fleet.frames.answer import PeerAnswer
from edge_mask.fleet.frames.jpeg import Sent
from edge_mask.fleet.looks.ask_thing import AskThing
from edge_mask.fleet.looks.asker import NoAnswer, Question
from edge_mask.fleet.looks.face_picture import cut, picture_of, same_face
from edge_mask.fleet.looks.second_look import MOST_WAITING, SecondLooks
from edge_mask.fleet.looks.standing import Breaker, Budget, Standing
from edge_mask.kinds import ALERTS, VISITS
from edge_mask.messages import Amendment, Box, Face, Fault, Frame, Message, Priority, Shot, Track, Visit
from edge_mask.picture import load_picture
from edge_mask.runtime.clock import ManualClock, SystemClock
from edge_mask.runtime.outage import Backoff
from edge_mask.units import Moment, Seconds, Unix
from edge_mask.wire.topics import Topics

AT = Moment(Seconds(1000.0), Unix(1_790_000_000.0))
FACE = Face("mask", 0.6, Box(200, 150, 100, 120))
OTHER = Face("no_mask", 0.9, Box(310, 160, 80, 90))
OWN = Topics("edge-mask/{thing}", "gate-01")
QUESTION = Question(Sent(b"\xff\xd8jpeg", 400, 300), "front", 7)
GOOD: dict[str, Any] = {
    "ok": True, "by": "analyser-01", "model": "large 2.0.0", "inference_ms": 9.0,
    "faces": [{"label": "mask", "score": 0.97, "box": {"x": 10, "y": 10, "w": 90, "h": 90}}],
}  # fmt: skip


def visit(**more: Any) -> Visit:
    given: dict[str, Any] = {"verdict": "pass", "mask": "mask", "mask_score": 0.61, "temperature": None, "track": 1}
    return Visit(at=AT, camera="front", **{**given, **more})


def shot(*others: Face) -> Shot:
    rng = np.random.default_rng(3)
    image = rng.integers(0, 255, (480, 640, 3), np.uint8)
    return Shot(Frame("front", 7, image, AT), [FACE, *others], (), [Track(1, FACE, {}, AT, AT)])


# -- which visits, and what becomes of them --------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "narrow"),
    [
        ({"mask_score": 0.61}, True),
        ({"mask_score": 0.63}, False),
        ({"mask_score": 0.39, "mask": "no_mask", "verdict": "no_pass", "reasons": ("no_mask",)}, True),
        ({"mask_score": 0.97}, False),
        ({"mask_score": None, "mask": None, "verdict": "no_pass", "reasons": ("unsure",)}, True),
        ({"mask_score": 0.99, "verdict": "no_pass", "reasons": ("still",)}, False),
        ({"mask_score": float("nan")}, False),
    ],
)
def test_a_visit_is_narrow_by_its_score_or_because_it_is_unsure(more: dict[str, Any], *, narrow: bool) -> None:
    assert is_narrow(visit(**more), 0.12) is narrow


@pytest.mark.parametrize(
    ("mask", "reasons", "label", "score", "expected"),
    [
        ("mask", (), "no_mask", 0.9, ("no_pass", ("no_mask",))),
        ("mask", (), "mask", 0.9, ("pass", ())),
        ("mask", (), "mask", 0.5, ("no_pass", ("unsure",))),
        ("no_mask", ("no_mask",), "mask", 0.9, ("pass", ())),
        ("no_mask", ("no_mask",), "incorrect", 0.9, ("no_pass", ("incorrect",))),
        ("no_mask", ("no_mask", "fever"), "mask", 0.9, ("no_pass", ("fever",))),
        (None, ("unsure", "temperature_missing"), "mask", 0.9, ("no_pass", ("temperature_missing",))),
        ("mask", ("still",), "mask", 0.9, ("no_pass", ("still",))),
        ("mask", ("unsure",), "mask", 0.9, ("pass", ())),
    ],
)
def test_only_what_was_said_of_the_mask_is_said_anew(
    mask: str | None, reasons: tuple[str, ...], label: str, score: float, expected: Any
) -> None:
    assert reconsidered(mask, reasons, label, score, 0.6) == expected


# -- the picture -----------------------------------------------------------------------------------------


def test_the_picture_shows_one_face_and_nothing_else_that_can_be_told() -> None:
    seen = shot(OTHER)
    part = cut(seen, 1)
    assert part is not None
    made = picture_of(part)
    assert made is not None
    sent, box = made
    assert sent.data[:2] == b"\xff\xd8"
    assert b"Exif" not in sent.data
    assert len(sent.data) <= 120_000
    image = load_picture(sent.data).image

    def roughness(left: float, top: float, right: float, bottom: float) -> float:
        return float(np.abs(np.diff(image[int(top) : int(bottom), int(left) : int(right)].astype(int), axis=1)).mean())

    assert roughness(box.x, box.y, box.x + box.w, box.y + box.h) > 20, "the face is as it was"
    assert roughness(0, 0, image.shape[1], box.y - 0.3 * box.h) < 6, "what is above it is blurred"
    neighbour = box.x + (OTHER.box.x - FACE.box.x), box.y + (OTHER.box.y - FACE.box.y)
    assert roughness(*neighbour, neighbour[0] + OTHER.box.w, neighbour[1] + OTHER.box.h) < 6, "and so is somebody else"


@pytest.mark.parametrize(
    "box", [Box(-30, -30, 100, 100), Box(600, 440, 100, 100), Box(0, 0, 640, 480), Box(5, 5, 1, 1)]
)
def test_a_face_at_the_edge_of_the_picture_is_cut_out_as_far_as_it_is_there(box: Box) -> None:
    face = Face("mask", 0.6, box)
    base = shot()
    part = cut(Shot(base.frame, [face], (), [Track(1, face, {}, AT, AT)]), 1)
    assert part is not None
    assert picture_of(part) is not None


@pytest.mark.parametrize("box", [Box(700, 10, 50, 50), Box(10, 900, 50, 50), Box(-500, 10, 50, 50)])
def test_a_face_outside_of_the_picture_is_not_asked_about(box: Box) -> None:
    face = Face("mask", 0.6, box)
    assert cut(Shot(shot().frame, [face], (), [Track(1, face, {}, AT, AT)]), 1) is None


def test_an_answer_about_somebody_else_in_the_picture_is_no_answer() -> None:
    assert same_face([OTHER], FACE.box) is None
    assert same_face([], FACE.box) is None
    near = Face("no_mask", 0.9, Box(195, 148, 110, 125))
    assert same_face([OTHER, near], FACE.box) is near


# -- answers over the broker -----------------------------------------------------------------------------


class Analyser(MemoryTransport):
    """Answers each picture that is sent to it with what `replies` makes of it, from another thread."""

    def __init__(self, replies: Callable[[Message], list[tuple[bytes, dict[str, Any]]]]) -> None:
        super().__init__()
        self.replies = replies
        self.own: Callable[[Message], None] = lambda _message: None
        self.open()

    def subscribe(self, topic_filter: str, listener: Callable[[Message], None]) -> None:
        super().subscribe(topic_filter, listener)
        self.own = listener

    def send(self, message: Message) -> Any:
        done = super().send(message)
        for payload, more in self.replies(message):
            properties = {"correlation_data": message.properties["correlation_data"], **more.get("properties", {})}
            answer = Message(
                topic=message.properties["response_topic"], payload=payload, priority=Priority.LIVE, qos=0,
                retain=more.get("retain", False), properties=properties,
            )  # fmt: skip
            threading.Thread(target=self.own, args=(answer,)).start()
        return done


def asked(
    replies: Callable[[Message], list[tuple[bytes, dict[str, Any]]]], timeout: float = 30.0
) -> tuple[PeerAnswer | NoAnswer, Analyser]:
    transport = Analyser(replies)
    asker = AskThing("analyser-01", OWN, transport, Seconds(timeout), SystemClock())
    try:
        return asker.ask(QUESTION), transport
    except NoAnswer as error:
        return error, transport


def test_a_question_carries_what_the_analyser_needs_and_says_where_the_answer_goes() -> None:
    answer, transport = asked(lambda _: [(json.dumps(GOOD).encode(), {})])
    assert isinstance(answer, PeerAnswer)
    assert (answer.model, answer.faces[0].label) == ("large 2.0.0", "mask")
    (message,) = transport.delivered
    assert message.topic == "edge-mask/analyser-01/commands/infer"
    assert (message.qos, message.priority) == (0, Priority.LIVE)
    assert message.properties["response_topic"] == OWN.second_looks
    assert dict(message.properties["user_properties"]).keys() == {"camera", "frame", "ts", "purpose"}


def changed(**more: Any) -> bytes:
    return json.dumps({**GOOD, **more}).encode()


def face(**more: Any) -> bytes:
    return changed(faces=[{**GOOD["faces"][0], **more}])


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"no JSON",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'{"ok": true, "by": "analyser-01", "faces": [',
        b"[" * 60_000,
        b'{"by": "analyser-01", "faces": "' + b"x" * 10_000_000 + b'"}',
        face(score=float("nan")),
        face(score=float("inf")),
        face(score=1.5),
        face(score="0.9"),
        face(label="fever"),
        face(label="<script>"),
        face(box={"x": float("nan"), "y": 1, "w": 9, "h": 9}),
        face(box={"x": 1, "y": 1, "w": -9, "h": 9}),
        face(box={"x": 9e9, "y": 1, "w": 9, "h": 9}),
        changed(faces=GOOD["faces"] * 400),
        changed(faces="none"),
        changed(model="m" * 5000),
        changed(ok="yes"),
    ],
    ids=lambda payload: payload[:24].decode("utf-8", "replace"),
)
def test_a_hostile_answer_is_no_answer(payload: bytes) -> None:
    answer, transport = asked(lambda _: [(payload, {})])
    assert isinstance(answer, NoAnswer)
    assert answer.code == "unreadable"
    assert len(str(answer)) < 400
    assert len(transport.delivered) == 1, "it is not asked again for more of that"


def test_an_answer_that_says_it_is_a_picture_is_no_answer() -> None:
    answer, _ = asked(lambda _: [(json.dumps(GOOD).encode(), {"properties": {"content_type": "image/jpeg"}})])
    assert isinstance(answer, NoAnswer)
    assert answer.code == "unreadable"


def test_answers_to_other_questions_of_other_things_and_kept_ones_are_passed_over() -> None:
    good = json.dumps(GOOD).encode()

    def replies(_: Message) -> list[tuple[bytes, dict[str, Any]]]:
        return [
            (good, {"properties": {"correlation_data": b"another"}}),
            (good, {"properties": {"correlation_data": None}}),
            (good, {"properties": {"correlation_data": "text"}}),
            (good, {"retain": True}),
            (changed(by="analyser-02"), {}),
        ]

    answer, transport = asked(replies, timeout=0.6)
    assert isinstance(answer, NoAnswer)
    assert answer.code == "no_answer"
    assert len(transport.delivered) == 3, "within the timeout it is asked again: QoS 0 may lose a frame"


def test_an_answer_to_an_earlier_try_will_do_and_the_second_one_is_passed_over() -> None:
    tries = iter(range(9))
    good = json.dumps(GOOD).encode()
    answer, transport = asked(lambda _: [(good, {}), (good, {})] if next(tries) else [], timeout=2.0)
    assert isinstance(answer, PeerAnswer)
    assert len(transport.delivered) == 2
    asker = AskThing("analyser-01", OWN, transport, Seconds(0.2), SystemClock())
    transport.replies = lambda _: []
    with pytest.raises(NoAnswer):
        asker.ask(QUESTION)  # nothing of the first question is left


def test_a_busy_analyser_is_asked_again_and_is_not_at_fault() -> None:
    busy = json.dumps({"ok": False, "by": "analyser-01", "error": {"code": "busy"}}).encode()
    answer, transport = asked(lambda _: [(busy, {})], timeout=1.0)
    assert isinstance(answer, NoAnswer)
    assert answer.code == "busy"
    assert len(transport.delivered) > 1


def test_an_analyser_that_says_no_is_not_asked_again_about_the_same_face() -> None:
    no = json.dumps({"ok": False, "by": "analyser-01", "error": {"code": "bad_picture"}}).encode()
    answer, transport = asked(lambda _: [(no, {})])
    assert isinstance(answer, NoAnswer)
    assert answer.code == "refused"
    assert len(transport.delivered) == 1


def test_a_stop_does_not_wait_for_an_answer() -> None:
    transport = Analyser(lambda _: [])
    asker = AskThing("analyser-01", OWN, transport, Seconds(600.0), SystemClock())
    said: list[NoAnswer] = []

    def ask() -> None:
        try:
            asker.ask(QUESTION)
        except NoAnswer as error:
            said.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    until(lambda: transport.delivered)
    asker.interrupt()
    thread.join(20.0)
    assert [error.code for error in said] == ["dropped"]


# -- how often, and whether at all -----------------------------------------------------------------------


def test_no_hour_has_more_questions_than_the_budget_wherever_it_begins() -> None:
    budget, taken = Budget(), []
    for second in range(0, 3 * 3600, 20):
        if budget.take(60, Seconds(float(second))):
            taken.append(second)
    assert max(sum(begin <= each < begin + 3600 for each in taken) for begin in range(0, 7200, 20)) == 60
    assert len(taken) == 180


def test_an_analyser_that_does_not_answer_is_left_alone_longer_and_longer_and_told_of_once() -> None:
    clock, faults = ManualClock(), list[Fault]()

    class Latest(Backoff):
        def next_delay(self) -> Seconds:
            super().next_delay()
            return Seconds(min(900.0, 10.0 * 2.0 ** (self._failures - 1)))

    breaker = Breaker(faults.append, clock, Latest(base=10.0, cap=900.0, settled_after=0.0))
    for _ in range(2):
        breaker.failed("no_answer", "it has not answered")
        assert breaker.lets_through()
    breaker.failed("no_answer", "it has not answered")
    pauses = []
    for _ in range(10):
        assert not breaker.lets_through()
        began = clock.now().mono
        while not breaker.lets_through():
            clock.advance(1.0)
        pauses.append(clock.now().mono - began)
        breaker.failed("no_answer", "it has not answered")  # the trial
    assert pauses == sorted(pauses)
    assert pauses[-1] == 905.0
    assert [(fault.component, fault.code) for fault in faults] == [("second look", "no_answer")]
    clock.advance(1000.0)
    breaker.answered()
    assert breaker.lets_through()
    assert not breaker.outage.is_open


# -- the worker ------------------------------------------------------------------------------------------


class Asker:
    """Answers at once, with a face where it was; can be told to do something first."""

    who = "analyser-01"

    def __init__(self) -> None:
        self.can_ask = True
        self.questions: list[Question] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.label = "no_mask"
        self.error: NoAnswer | None = None
        self.sees_it = True

    def open(self) -> None: ...
    def interrupt(self) -> None: ...
    def close(self, within: Seconds) -> None: ...

    def ask(self, question: Question) -> PeerAnswer:
        self.questions.append(question)
        self.meanwhile()
        if self.error is not None:
            raise self.error
        picture = question.picture
        if not self.sees_it:
            return PeerAnswer("analyser-01", "large 2.0.0", [], 9.0, 0)
        everywhere = [
            Face(self.label, 0.9, Box(float(x), float(y), 100.0, 120.0))
            for x in range(0, picture.width - 100, 20)
            for y in range(0, picture.height - 120, 20)
        ]
        return PeerAnswer("analyser-01", "large 2.0.0", everywhere, 9.0, 0)


class House:
    """Second looks with everything around them in hand."""

    def __init__(self, per_hour: int = 60) -> None:
        self.clock = ManualClock()
        self.asker = Asker()
        self.standing = Standing(lambda _fault: None, self.clock)
        self.said: list[Amendment] = []
        ids = iter(f"visit-{number}" for number in range(1000))
        self.looks = SecondLooks(
            self.asker, self.standing, self.said.append, lambda _at: next(ids), self.clock,
            band=0.12, per_hour=per_hour, pass_score=0.6, patience=Seconds(30.0),
        )  # fmt: skip

    def judged(self, *, record: bool = True, **more: Any) -> Visit:
        offered = self.looks.offer(visit(**more), shot())
        assert isinstance(offered, Visit)
        if record and offered.id:
            self.recorded(offered.id)
        return offered

    def recorded(self, visit_id: str) -> None:
        self.looks.recorded(VISITS, Message(topic="t", payload=b"{}", priority=Priority.EVIDENCE, qos=1, id=visit_id))

    def work(self) -> None:
        while self.looks._ready:
            self.looks.step(threading.Event())

    @property
    def counts(self) -> dict[str, int]:
        return dict(self.standing.counts)


def test_a_visit_that_is_not_on_the_disk_is_not_asked_about() -> None:
    house = House()
    offered = house.judged(record=False)
    house.looks.recorded(ALERTS, Message(topic="t", payload=b"", priority=Priority.URGENT, qos=1, id=offered.id))
    house.work()
    assert house.asker.questions == []
    house.recorded(offered.id)
    house.work()
    (amendment,) = house.said
    assert (amendment.amends, amendment.was, amendment.verdict) == (offered.id, "pass", "no_pass")
    assert house.counts == {"changed": 1}


def test_a_clear_visit_keeps_its_record_and_gets_no_id_early() -> None:
    house = House()
    assert house.judged(mask_score=0.9, record=False).id == ""


def test_more_faces_than_find_room_are_dropped_the_newest_first() -> None:
    house = House()
    offered = [house.judged() for _ in range(MOST_WAITING + 3)]
    house.work()
    assert [each.amends for each in house.said] == [each.id for each in offered[:MOST_WAITING]]
    assert house.counts == {"changed": MOST_WAITING, "dropped": 3}


def test_over_the_budget_nobody_is_asked() -> None:
    house = House(per_hour=2)
    for _ in range(3):
        house.judged()
    house.work()
    assert house.counts == {"changed": 2, "over_budget": 1}


def test_without_a_connection_nobody_is_asked_and_nobody_is_at_fault() -> None:
    house = House()
    house.asker.can_ask = False
    for _ in range(5):
        house.judged()
        house.work()
    assert house.counts == {"offline": 5}
    assert house.standing.breaker.lets_through()


def test_what_was_erased_while_it_was_asked_about_is_not_amended() -> None:
    house = House()
    house.judged()
    house.judged(record=False)
    house.asker.meanwhile = house.looks.forget
    house.work()
    assert house.said == []
    assert house.counts == {"erased": 2}


def test_a_visit_that_is_never_recorded_is_forgotten() -> None:
    house = House()
    for _ in range(MOST_WAITING):
        house.judged(record=False)
    house.clock.advance(400.0)
    assert house.judged().id
    house.work()
    assert house.counts["dropped"] == MOST_WAITING
    assert len(house.said) == 1


def test_an_answer_without_the_face_amends_nothing() -> None:
    house = House()
    house.judged()
    house.asker.sees_it = False
    house.work()
    assert (house.said, house.counts) == ([], {"nobody": 1})


def test_a_visitor_of_whom_there_is_no_picture_is_not_asked_about() -> None:
    house = House()
    assert house.looks.offer(visit(track=99), shot()) == visit(track=99)
    assert house.looks.offer(visit(), None) == visit()
    assert house.counts == {"dropped": 2}


def test_after_three_failures_it_is_left_alone_and_a_new_house_knows_that() -> None:
    house = House()
    house.asker.error = NoAnswer("no_answer", "it has not answered")
    for _ in range(5):
        house.judged()
        house.work()
    assert house.counts == {"no_answer": 3, "paused": 2}
    again = House()
    again.looks._standing = house.standing
    again.judged()
    again.work()
    assert house.counts == {"no_answer": 3, "paused": 3}


def test_what_is_said_agrees_or_not_and_takes_its_time() -> None:
    house = House()
    house.judged()
    house.asker.label = "mask"

    def takes_its_time() -> None:
        house.clock.advance(1.5)

    house.asker.meanwhile = takes_its_time
    house.work()
    (amendment,) = house.said
    assert (amendment.was, amendment.verdict, amendment.mask) == ("pass", "pass", "mask")
    assert amendment.delay_ms == 1500
    assert house.counts == {"agreed": 1}
