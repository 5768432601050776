"""The live feed without server and network: streams, slow readers, and what was missed."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.web.asking import asking, site

from edge_mask import kinds
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.rows import Batch, event_row
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Alert, Event, Fault, Look, Message, Priority, Reading, Visit
from edge_mask.units import Bytes, Moment, Seconds, Unix
from edge_mask.web.feed import KEPT, UNASKED, WORDS, Feed
from edge_mask.web.listener import Listener
from edge_mask.web.live import FOR_OPERATORS, MOST_A_SESSION, MOST_A_USER, MOST_IN_ALL
from edge_mask.web.missed import MOST, Missed
from edge_mask.wire.uuid7 import IdMaker

T = TypeVar("T")
ALL = frozenset(WORDS.values())


def message(name: str) -> Message:
    return Message(topic="t", payload=b'{"n":1}', priority=Priority.EVIDENCE, qos=1, id=name)


def in_loop(run: Callable[[Feed], Coroutine[Any, Any, T]]) -> T:
    async def served() -> T:
        feed = Feed()
        feed.begin()
        return await run(feed)

    return asyncio.run(served())


def test_every_kind_of_message_has_a_word_but_those_that_say_who_is_there() -> None:
    assert set(WORDS) == set(kinds.KINDS) - {kinds.STATUS, kinds.ABOUT, kinds.ROOM}


def test_what_is_told_reaches_every_stream_in_its_order() -> None:
    async def run(feed: Feed) -> None:
        one, two = feed.listen(UNASKED), feed.listen({"visit"})
        feed.tell(kinds.VISITS, message("a"))
        feed.tell(kinds.HEALTH, message("b"))
        feed.tell(kinds.VISITS, message("c"))
        await asyncio.sleep(0)
        assert [told.id for told in await one.take(1)] == ["a", "b", "c"]
        assert [told.id for told in await two.take(1)] == ["a", "c"]
        assert (await told_of(feed)).as_event() == b'event: visit\nid: a\ndata: {"n":1}\n\n'

    async def told_of(feed: Feed) -> Any:
        found = feed.since("")
        assert found is None
        return next(iter(feed._kept))

    in_loop(run)


def test_what_is_said_of_series_comes_only_to_who_asks_for_it() -> None:
    async def run(feed: Feed) -> None:
        unasked, asked = feed.listen(UNASKED), feed.listen({"summary", "record", "forecast"})
        for kind in (*kinds.OF_SERIES, kinds.READINGS):
            feed.tell(kind, message(kind.name))
        await asyncio.sleep(0)
        assert [told.id for told in await unasked.take(1)] == [kinds.READINGS.name]
        assert [told.id for told in await asked.take(1)] == [kind.name for kind in kinds.OF_SERIES]

    in_loop(run)


def test_a_reader_that_is_too_slow_is_cut_and_the_others_are_not() -> None:
    async def run(feed: Feed) -> None:
        slow, quick = feed.listen(UNASKED), feed.listen(UNASKED)
        seen = 0
        for number in range(1000):
            feed.tell(kinds.VISITS, message(str(number)))
            if number % 50 == 49:
                await asyncio.sleep(0)
                seen += len(await quick.take(1))
        assert slow.is_over
        assert await slow.take(1) == []
        assert (seen, quick.is_over) == (1000, False)

    in_loop(run)


def test_detections_cost_nothing_while_nobody_wants_them() -> None:
    async def run(feed: Feed) -> None:
        plain = feed.listen(UNASKED)
        feed.tell(kinds.DETECTIONS, message("a"))
        wanted = feed.listen({"detections"})
        feed.tell(kinds.DETECTIONS, message("b"))
        assert [told.id for told in await wanted.take(1)] == ["b"]
        assert await plain.take(0.001) == []
        assert feed.since("b") is None, "they are not kept"

    in_loop(run)


def test_what_comes_often_is_passed_on_together_and_in_order() -> None:
    async def run(feed: Feed) -> None:
        stream = feed.listen(UNASKED)
        for number in range(20):
            feed.tell(kinds.LOOKS, message(str(number)))
        assert [told.id for told in await stream.take(5)] == [str(number) for number in range(20)]
        feed.tell(kinds.LOOKS, message("a"))
        feed.tell(kinds.ALERTS, message("b"))
        assert [told.id for told in await stream.take(5)] == ["a", "b"]

    in_loop(run)


def test_at_the_end_every_stream_ends_and_no_new_one_begins() -> None:
    async def run(feed: Feed) -> None:
        stream = feed.listen(UNASKED)
        waiting = asyncio.create_task(stream.take(60))
        await asyncio.sleep(0)
        feed.end()
        assert await waiting == []
        assert feed.listen(UNASKED).is_over

    in_loop(run)


def test_a_feed_whose_server_has_gone_takes_what_is_told() -> None:
    feeds = []

    async def run(feed: Feed) -> None:
        feeds.append(feed)

    in_loop(run)
    feeds[0].tell(kinds.VISITS, message("a"))
    feeds[0].end()


# -- what was missed -------------------------------------------------------------------------------------


def at(second: float) -> Moment:
    return Moment(Seconds(second), Unix(1_790_000_000.0 + second))


def events_of(text: bytes) -> list[tuple[str, str]]:
    """Kind and id of each event."""
    found = []
    for block in text.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        if fields:
            found.append((fields["event"], fields.get("id", "")))
            json.loads(fields["data"])
    return found


class History:
    """A database with events in it."""

    def __init__(self, folder: Path) -> None:
        self.site = site(folder)
        self._ids = IdMaker()
        self._ledger = Ledger(self.site.settings.outbox.path, Bounds(Bytes(10**9), Seconds(1e9), Seconds(1e9)), "boot")
        self._ledger.open()

    def record(self, *events: Event) -> list[str]:
        ids = [self._ids.make(event.at) for event in events]
        rows = [event_row(event, name, "boot") for event, name in zip(events, ids, strict=True)]
        self._ledger.commit(Batch(events=[row for row in rows if row is not None]), at(100_000))
        return ids

    def missed(self, after: str, words: frozenset[str] = UNASKED) -> list[tuple[str, str]]:
        async def read() -> bytes:
            return b"".join([part.events for part in await Missed(self.site, after, words).parts()])

        return events_of(asyncio.run(read()))


def visit(second: float) -> Visit:
    return Visit(at=at(second), camera="front", verdict="pass", mask="mask", mask_score=0.9, temperature=None)


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path)


def test_after_a_restart_the_history_tells_what_was_missed(history: History) -> None:
    (old,) = history.record(visit(0))
    (last,) = history.record(visit(1000))
    ids = history.record(
        visit(1001),
        Alert(at=at(1002), kind="no_mask", text="three looks", camera="hall", streak=3),
        Look(at=at(1003), camera="hall", faces=1, no_mask=1, streak=1),
        Reading("s", "temperature", 36.5, "C", at(1004)),
        Fault(at=at(1005), component="camera front", code="lost", text="it is away"),
    )
    assert history.missed(last) == list(zip(["visit", "alert", "look", "reading", "fault"], ids, strict=True))
    assert history.missed(last, frozenset({"alert"})) == [("alert", ids[1])]
    assert ("visit", old) not in history.missed(last)


def test_a_visit_that_waited_for_its_passage_is_not_left_out(history: History) -> None:
    (waited, last) = history.record(visit(1000), visit(1004))
    assert history.missed(last) == [("visit", waited)]


def test_a_long_time_is_caught_up_with_the_newest_and_says_so(history: History) -> None:
    ids = history.record(*(visit(second) for second in range(MOST + 100)))
    missed = history.missed(ids[0])
    assert missed[0] == ("gap", "")
    assert missed[1:] == [("visit", name) for name in ids[-MOST:]]


@pytest.mark.parametrize("after", ["nonsense", "1", "x" * 5000, "00000000-0000-4000-8000-000000000000"])
def test_an_id_that_is_none_of_ours_is_a_gap(history: History, after: str) -> None:
    history.record(visit(0))
    assert history.missed(after) == [("gap", "")]


def test_without_a_database_what_comes_is_sent_all_the_same(tmp_path: Path) -> None:
    lost = site(tmp_path / "nothing")
    name = IdMaker().make(at(0))

    async def read() -> list[Any]:
        return list(await Missed(lost, name, ALL).parts())

    assert events_of(asyncio.run(read())[0].events) == [("gap", "")]


def test_what_the_feed_still_knows_comes_without_the_history(tmp_path: Path) -> None:
    async def run(feed: Feed) -> bytes:
        for number in range(KEPT + 10):
            feed.tell(kinds.VISITS, message(f"id-{number}"))
        await asyncio.sleep(0)
        house = site(tmp_path, feed=feed)
        parts = await Missed(house, f"id-{KEPT + 5}", frozenset({"visit"})).parts()
        return b"".join(part.events for part in parts)

    assert events_of(in_loop(run)) == [("visit", f"id-{KEPT + number}") for number in (6, 7, 8, 9)]


# -- over HTTP -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", ["visits", "visit,nonsense", "a" * 500])
def test_a_kind_that_nobody_knows_is_refused_with_those_there_are(tmp_path: Path, asked: str) -> None:
    answer = asking(site(tmp_path), bearer="read").get(f"/api/v1/events?kinds={asked}")
    assert answer.status == 400
    assert (
        "allowed: alert, amendment, detections, fault, forecast, health, look, reading, record, summary, visit"
        in answer.json()["detail"]
    )


def test_a_stream_whose_head_alone_is_asked_for_ends_at_once(tmp_path: Path) -> None:
    answer = asking(site(tmp_path), bearer="read").ask("HEAD", "/api/v1/events")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")


def test_one_user_cannot_take_all_streams_with_many_sessions_and_tokens(tmp_path: Path) -> None:
    house = site(tmp_path)
    for number in range(MOST_A_USER):
        house.feed.listen(UNASKED, f"another session {number}", "viewer")
    assert asking(house, who="viewer").get("/api/v1/events").status == 503
    assert asking(house, bearer="read").ask("HEAD", "/api/v1/events").status == 200, "others find a place"


def test_an_operator_finds_a_place_however_many_look(tmp_path: Path) -> None:
    house = site(tmp_path)
    for number in range(MOST_IN_ALL - FOR_OPERATORS):
        house.feed.listen(UNASKED, f"session {number}", f"viewer {number}")
    assert asking(house, who="viewer").ask("HEAD", "/api/v1/events").status == 503
    assert asking(house, who="operator").ask("HEAD", "/api/v1/events").status == 200


def test_one_session_cannot_take_all_streams(tmp_path: Path) -> None:
    house = site(tmp_path)
    for _ in range(MOST_A_SESSION):
        house.feed.listen(UNASKED, "token read")
    refused = asking(house, bearer="read").get("/api/v1/events")
    assert (refused.status, refused.headers["retry-after"]) == (503, "30")


def test_what_was_erased_is_forgotten_and_who_has_not_read_it_comes_again() -> None:
    async def run(feed: Feed) -> None:
        slow, done = feed.listen(UNASKED), feed.listen({"alert"})
        feed.tell(kinds.VISITS, message("a"))
        feed.tell(kinds.VISITS, message("b"))
        feed.forget()
        await asyncio.sleep(0.01)
        assert feed.since("a") is None, "the history tells what is left"
        assert (slow.is_over, done.is_over) == (True, False), "who has something waiting comes again"
        for stream in (slow, done):
            assert [told.as_event() for told in await stream.take(1)] == [b"event: erased\ndata: {}\n\n"]

    in_loop(run)


def test_streams_that_other_accounts_let_in_end_and_may_come_again() -> None:
    async def run() -> list[bool]:
        listener = Listener()
        listener.feed.begin()
        users, others = object(), object()
        listener.let_in_by(users)
        before = listener.feed.listen(UNASKED)
        listener.let_in_by(users)  # the next house of the same database
        await asyncio.sleep(0)
        ended = [before.is_over]
        listener.let_in_by(others)
        await asyncio.sleep(0)
        return [*ended, before.is_over, listener.feed.listen(UNASKED).is_over]

    assert asyncio.run(run()) == [False, True, False]
