"""From the outbox to a target: what is too old, who wants to be left alone, and who is gone."""

import json
import random
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.broker import HOST, free_port
from tests.deliver.test_http_couriers import BOOT, Office
from tests.deliver.web_server import Answer, Asked, NonsenseServer, WebServer
from tests.notify.browser import Browser, unsealed
from tests.papers import Papers
from tests.waiting import until

from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.erasure import Erasure
from edge_mask.ledger.rows import Batch, OutboxRow, event_row
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Message, Priority, Visit
from edge_mask.notify.couriers import NotifyCouriers
from edge_mask.notify.notice import Notice
from edge_mask.notify.pictures import Pictures
from edge_mask.notify.push import Push
from edge_mask.notify.senders import Senders
from edge_mask.notify.subscriptions import Subscriptions
from edge_mask.notify.vapid import Vapid
from edge_mask.runtime.clock import Clock, ManualClock, SystemClock
from edge_mask.runtime.outage import Backoff
from edge_mask.runtime.worker import Worker
from edge_mask.settings.notify import NtfyTarget, Target, WebPushTarget
from edge_mask.units import Seconds


def ntfy(url: str, name: str = "guard", **more: Any) -> NtfyTarget:
    return NtfyTarget.model_validate({"name": name, "kind": "ntfy", "server": url, "topic": "t", **more})


class Desk(Office):
    """An office whose couriers tell people."""

    def tell(self, destination: str, *texts: str, event: str = "event-1", boot: str | None = None) -> None:
        now = self.clock.now()
        rows = []
        for text in texts:
            notice = Notice(title="Hot", text=text, priority="high", kind="fever", event=event)
            message = Message(
                topic=f"notify/{destination.partition('/')[0]}", payload=notice.packed(), priority=Priority.URGENT,
                qos=1, id=f"id-{text}", properties={"payload": json.dumps({"id": event}).encode()},
            )  # fmt: skip
            rows.append(OutboxRow(f"notify:{destination}", message, now, boot))
        with self.changed:
            self.ledger.commit(Batch(outgoing=rows), now)
        self.couriers.poke()

    def count(self, name: str) -> int:
        with self.changed:
            return self.ledger.counters("").get(name, 0)


@contextmanager
def desk(
    folder: Path, targets: Sequence[Target], clock: Clock | None = None, push: Push | None = None
) -> Iterator[Desk]:
    clock = clock or SystemClock(lambda: True)
    ledger = Ledger(folder / "edge-mask.db", Bounds(), BOOT)
    ledger.open()
    made: list[Desk] = []
    couriers = NotifyCouriers(
        Senders(targets, clock, Pictures(folder, lambda _seconds: None), push, sends_pictures=False),
        folder / "edge-mask.db",
        lambda settlements: made[0].settle(settlements),
        lambda fault: made[0].report(fault),
        clock,
        boot=BOOT,
        timeout=Seconds(5.0),
        backoff=lambda: Backoff(base=0.02, cap=0.1, settled_after=0.0, rng=random.Random(1)),
    )
    made.append(Desk(folder / "edge-mask.db", ledger, clock, couriers))
    worker = Worker(couriers, SystemClock(), lambda failed: None)
    worker.start()
    try:
        yield made[0]
    finally:
        worker.request_stop()
        assert worker.join(15)
        assert worker.failure is None
        ledger.close()


def texts(asked: Sequence[Asked]) -> list[str]:
    return [json.loads(each.body)["message"] for each in asked]


def test_offline_for_an_hour_what_is_too_old_is_counted_and_told_once(tmp_path: Path) -> None:
    clock = ManualClock()
    server = WebServer()
    with desk(tmp_path, [ntfy(server.url, max_age="30m")], clock) as office:
        office.tell("guard", "one", "two")
        office.wait_for_fault()
        clock.advance(3600)
        office.tell("guard", "three")
        with server:
            until(lambda: clock.advance(0.2).mono and bool(server.asked))
            assert texts(server.asked) == ["three"]
            office.wait_until_sent()
        assert office.rows() == []
        assert office.count("notify_expired") == 2
        assert [(fault.component, fault.code) for fault in office.faults] == [
            ("notify guard", "offline"),
            ("notify guard", "notify_expired"),
        ]
        assert "1800 s" in office.faults[1].text


def test_after_a_reboot_the_wall_clock_tells_the_age(tmp_path: Path) -> None:
    clock = ManualClock()
    with WebServer() as server, desk(tmp_path, [ntfy(server.url, max_age="30m")], clock) as office:
        clock.advance(7200)  # the boot before began elsewhere: its monotonic times say nothing here
        office.tell("guard", "fresh", boot="boot-0")
        assert texts(server.wait_for(1)) == ["fresh"]


def test_who_asks_for_a_pause_gets_it(tmp_path: Path) -> None:
    clock = ManualClock()
    answers = iter([Answer(429, b"{}", {"Retry-After": "600"})])
    times: list[float] = []

    def answer(_asked: Asked) -> Answer:
        times.append(clock.now().mono)
        return next(answers, Answer())

    with WebServer(answer) as server, desk(tmp_path, [ntfy(server.url, max_age="1d")], clock) as office:
        office.tell("guard", "one")
        server.wait_for(1)
        office.tell("guard", "two")

        def have_passed(seconds: float) -> int:
            clock.advance(seconds)
            office.couriers.poke()
            return len(server.asked)

        until(lambda: have_passed(5) == 3)
        assert texts(server.wait_for(3)) == ["one", "one", "two"], "in order"
        assert times[1] - times[0] >= 600


@pytest.mark.parametrize("status", [400, 401, 404, 410])
def test_what_is_refused_for_good_is_set_aside_with_the_reason(tmp_path: Path, status: int) -> None:
    refusing = WebServer(lambda _asked: Answer(status, b"no such topic"))
    with refusing as server, desk(tmp_path, [ntfy(server.url)]) as office:
        office.tell("guard", "one")
        office.wait_until_sent()
        ((_, state, reason),) = office.rows()
    assert state == 1
    assert reason is not None
    assert f"answered {status}" in reason


def test_a_target_that_hangs_delays_no_other(tmp_path: Path) -> None:
    with (
        NonsenseServer(hangs_up=False) as stuck,
        WebServer() as server,
        desk(tmp_path, [ntfy(stuck.url, "stuck"), ntfy(server.url)]) as office,
    ):
        office.tell("stuck", "one")
        stuck.wait_for(1)
        office.tell("guard", *map(str, range(5)))
        assert texts(server.wait_for(5)) == ["0", "1", "2", "3", "4"]


def test_a_target_that_is_not_configured_any_more_is_set_aside(tmp_path: Path) -> None:
    with desk(tmp_path, []) as office:
        office.tell("gone", "one")
        office.wait_until_sent()
        assert office.rows() == [("id-one", 1, "there is no target gone any more")]


def test_erasing_what_was_seen_takes_the_words_away_too(tmp_path: Path) -> None:
    url = f"http://{HOST}:{free_port()}"
    with desk(tmp_path, [ntfy(url)]) as office:
        office.tell("guard", "hers", event="visit-1")
        office.tell("guard", "his", event="visit-2")
        visit = Visit(
            at=office.clock.now(), camera="front", verdict="pass", mask=None, mask_score=None, temperature=None
        )
        with office.changed:
            row = event_row(visit, "visit-1", BOOT)
            assert row is not None
            office.ledger.commit(Batch(events=[row]), office.clock.now())
            erased = office.ledger.erase(Erasure(visit="visit-1"), office.clock.now())
        assert erased.counts["messages"] == 1
        assert [row[0] for row in office.rows()] == ["id-his"]
        assert b"hers" not in (tmp_path / "edge-mask.db").read_bytes()


def test_a_browser_is_told_over_tls_and_forgotten_when_it_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    papers = Papers(tmp_path / "papers")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(papers.server.cert, papers.server.key)
    monkeypatch.setenv("SSL_CERT_FILE", str(papers.ca))
    answers = iter([Answer(201)])
    with WebServer(lambda _asked: next(answers, Answer(410, b"gone")), context) as server:
        theirs = Browser(f"{server.url}/send/secret-of-the-browser")
        kept = Subscriptions(tmp_path / "s.json", private_hosts=[HOST])
        browser = kept.add("kim", theirs.to_json()).id
        phones = WebPushTarget.model_validate({"name": "phones", "kind": "web-push", "subject": "mailto:a@example.org"})
        with desk(tmp_path, [phones], push=Push(kept, Vapid(tmp_path / "k.pem", phones.subject))) as office:
            office.tell(f"phones/{browser}", "one")
            (asked,) = server.wait_for(1)
            assert json.loads(unsealed(asked.body, theirs))["body"] == "one"
            assert asked.headers["Authorization"].startswith("vapid t=")
            assert 0 < int(asked.headers["TTL"]) <= 3600
            office.tell(f"phones/{browser}", "two", "three")
            office.wait_until_sent()
            assert office.rows() == []
            assert office.count("notify_unsubscribed") == 2
    assert kept.ids() == []
    assert not [fault for fault in office.faults if "secret-of" in fault.text]


def test_a_storm_of_names_leaves_few_marks_in_the_database(tmp_path: Path) -> None:
    with desk(tmp_path, []) as office, office.changed:
        now = office.clock.now()
        for first in range(0, 1200, 100):
            marks = {f"notified guard c{number} x": 1000 + number for number in range(first, first + 100)}
            office.ledger.commit(Batch(marks=marks), now)
        kept = office.ledger.counters("notified ")
    assert len(kept) == 500
    assert min(kept.values()) == 1700, "the newest stay"
