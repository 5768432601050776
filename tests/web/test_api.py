"""What is read over HTTP: the history in the shapes of its messages, and what is wrong with a question."""

import csv
import io
import json
import os
import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.ledger.rows import moment, visit
from tests.ledger.series import FIRST, HOUR, closed, keep, opened, read, tidy
from tests.ledger.series import START as BEGINS
from tests.web.asking import Asking, asking, site
from tests.web.recorded import JPEG, PICTURE, START, events, house, record

from edge_mask.errors import TryLater
from edge_mask.ledger.erasure import Erasure
from edge_mask.ledger.seen import Sighting
from edge_mask.ledger.series_thinning import SeriesBounds
from edge_mask.ledger.upkeep import erase_people
from edge_mask.runtime.clock import ManualClock
from edge_mask.units import Seconds, Unix
from edge_mask.wire.envelope import timestamp


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Asking:
    folder = tmp_path_factory.mktemp("house")
    clock = ManualClock()
    clock.advance(100)
    return asking(house(folder, *events(), clock=clock), bearer="read")


def test_visits_have_the_shape_of_their_messages_and_come_newest_first(reader: Asking) -> None:
    answer = reader.get("/api/v1/visits?limit=2")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    found = answer.json()
    assert [each["id"] for each in found["items"]] == ["v6", "v5"]
    assert found["items"][0] == {
        "id": "v6", "thing": "gate-01", "v": 1, "ts": timestamp(moment(6).wall), "camera": "front",
        "verdict": "no_pass", "ispass": 0, "mask": "no_mask", "mask_score": 0.9, "temperature": 36.5,
        "reasons": ["no_mask"], "passed_through": None, "snapshot": PICTURE, "time_to_verdict_ms": None,
        "amended": None,
    }  # fmt: skip
    following = reader.get(f"/api/v1/visits?limit=2&cursor={found['next']}").json()
    assert [each["id"] for each in following["items"]] == ["v4", "v3"]
    last = reader.get(f"/api/v1/visits?limit=2&cursor={following['next']}").json()
    assert ([each["id"] for each in last["items"]], last["next"]) == (["v2", "v1"], None)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("verdict=pass", ["v5", "v3", "v1"]),
        ("reason=no_mask", ["v6", "v4", "v2"]),
        ("camera=hall", []),
        ("camera=%27%20OR%201%3D1%20--", []),
        (f"from={timestamp(moment(5).wall)}", ["v6", "v5"]),
        (f"to={timestamp(moment(2).wall)}", ["v1"]),
        ("from=2026-09-21T23:13:25+09:00", ["v6", "v5"]),  # the plus arrives as a blank
        ("from=2026-09-21T23:13:25%2B09:00", ["v6", "v5"]),
        ("from=2026-09-21T23:13:25", ["v6", "v5"]),  # the site's
        ("from=2026-09-21&to=2026-09-22", ["v6", "v5", "v4", "v3", "v2", "v1"]),
        ("to=2026-09-21", []),
        ("from=1971-01-01&to=8999-12-31", ["v6", "v5", "v4", "v3", "v2", "v1"]),
    ],
)
def test_visits_are_filtered(reader: Asking, query: str, expected: list[str]) -> None:
    assert datetime.fromtimestamp(moment(5).wall, ZoneInfo("Asia/Seoul")).isoformat()[:19] == "2026-09-21T23:13:25"
    assert [each["id"] for each in reader.get(f"/api/v1/visits?{query}").json()["items"]] == expected


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("visits?limit=1e9", "limit: found '1e9'; allowed: 1 to 500"),
        ("visits?limit=1000000000", "limit: found"),
        ("visits?limit=0", "limit: found '0'"),
        ("visits?limit=-1", "limit: found '-1'"),
        ("visits?limit=%D9%A3", "limit: found"),  # an Arabic three
        ("visits?cursor=forged", "cursor: is none of ours"),
        ("visits?cursor=" + "A" * 401, "cursor: is too long"),
        ("visits?verdict=maybe", "verdict: found 'maybe'; allowed: pass, no_pass"),
        ("visits?reason=no%20mask", "reason: found"),
        ("visits?reason=%22%2C%20%22", "reason: found"),
        ("visits?camera=%00", "camera: is too long or no text"),
        ("visits?camera=a&camera=b", "camera: is given twice"),
        ("visits?kamera=a", "kamera: is no parameter here; did you mean camera?; allowed: from"),
        ("visits?%0d%0aX-A:%20b=1", "is no parameter here"),
        ("visits?from=tomorrow", "from: found 'tomorrow'; allowed: a date"),
        ("visits?from=0001-01-01", "from: found"),
        ("visits?to=9999-12-31T23:59:59Z", "to: found"),
        ("visits?from=2026-02-31", "from: found"),
        ("visits?from=2026-11-20&to=2026-11-20", "to: is not after from"),
        ("hours?day=2026-13-01", "day: found"),
        ("hours?day=2026-11-20T09:00:00Z", "day: found"),
        ("hours?from=2026-11-20", "from: is no parameter here"),
        ("summary?by=hour", "by: needs from and to"),
        ("summary?by=month&from=2026-01-01&to=2026-02-01", "by: found 'month'; allowed: hour, day, week"),
        ("summary?by=hour&from=2016-01-01&to=2026-01-01", "more than 1000 hours; ask for days or weeks"),
        ("summary?by=day&from=1971-01-01&to=9000-01-01", "more than 1000 days; ask for weeks"),
        ("alerts?unseen=yes", "unseen: found 'yes'; allowed: true, false"),
        ("readings?from=3026-01-01", "from: is not before now"),
        ("status?x=1", "x: is no parameter here; allowed: none"),
    ],
)
def test_a_wrong_parameter_is_a_sentence_that_names_it(reader: Asking, path: str, sentence: str) -> None:
    answer = reader.get(f"/api/v1/{path}")
    assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")
    assert sentence in answer.json()["detail"]


def test_a_summary_says_how_many_and_why(reader: Asking) -> None:
    assert reader.get("/api/v1/summary").json() == {
        "judged": 6, "passed": 3, "refused": 3, "by_reason": {"no_mask": 3},
        "by_camera": {"front": {"passed": 3, "refused": 3}},
    }  # fmt: skip
    by_day = reader.get("/api/v1/summary?from=2026-09-20&to=2026-09-23&by=day").json()["bars"]
    assert by_day == [
        {"begins": "2026-09-20T00:00:00+09:00", "passed": 0, "refused": 0},
        {"begins": "2026-09-21T00:00:00+09:00", "passed": 3, "refused": 3},
        {"begins": "2026-09-22T00:00:00+09:00", "passed": 0, "refused": 0},
    ]
    assert len(reader.get("/api/v1/summary?from=2016-01-01&to=2026-01-01&by=week").json()["bars"]) == 523


def test_hours_are_those_of_the_sites_day(reader: Asking, tmp_path: Path) -> None:
    today = reader.get("/api/v1/hours").json()
    assert (today["day"], len(today["items"])) == ("2026-09-21", 24)
    assert [each["begins"] for each in today["items"] if each["passed"]] == ["2026-09-21T23:00:00+09:00"]
    berlin = asking(house(tmp_path, zone="Europe/Berlin"), bearer="read")
    assert len(berlin.get("/api/v1/hours?day=2026-10-25").json()["items"]) == 25
    assert len(berlin.get("/api/v1/hours?day=2026-03-29").json()["items"]) == 23


def test_alerts_and_faults_carry_their_marks(reader: Asking) -> None:
    alerts = reader.get("/api/v1/alerts").json()
    assert (alerts["unseen"], alerts["next"]) == (2, None)
    assert alerts["items"][1] == {
        "id": "a1", "thing": "gate-01", "v": 1, "ts": timestamp(moment(1).wall), "kind": "fever", "text": "38.5",
        "camera": "front", "value": 38.5, "snapshot": PICTURE, "seen": None, "seen_by": None,
    }  # fmt: skip
    [fault] = reader.get("/api/v1/faults?unseen=true").json()["items"]
    assert (fault["component"], fault["code"], fault["text"]) == ("camera front", "away", "is away")


def test_readings_are_single_within_a_day_and_means_beyond_it(reader: Asking) -> None:
    single = reader.get("/api/v1/readings").json()
    assert (single["step_s"], [each["id"] for each in single["items"]]) == (0, ["r3", "r2", "r1"])
    assert (single["items"][0]["temperature"], single["items"][0]["quality"]) == (99.0, "out_of_range")
    assert single["items"][1]["flow"] == 1.0
    only = reader.get("/api/v1/readings?quantity=flow").json()["items"]
    assert [each["id"] for each in only] == ["r2"]
    means = reader.get("/api/v1/readings?from=2026-09-15&to=2026-09-25&sensor=forehead").json()
    assert means["step_s"] == 600
    assert means["items"] == [
        {
            "sensor": "forehead", "quantity": "temperature", "unit": "C", "from": timestamp(Unix(START // 600 * 600)),
            "to": timestamp(Unix(START // 600 * 600 + 600)), "count": 2, "min": 36.5, "mean": 36.5, "max": 36.5,
            "outliers": 1,
        }
    ]  # fmt: skip
    assert reader.get("/api/v1/readings?from=2016-01-01&to=2026-12-31").json()["step_s"] > 86400


def test_minutes_stand_where_the_single_readings_of_a_day_are_gone(tmp_path: Path) -> None:
    made = house(tmp_path)
    with opened(made.settings.outbox.path, SeriesBounds(raw=Seconds(HOUR))) as ledger:
        read(ledger, *((BEGINS + 60 * n, float(n)) for n in range(180)))
        keep(ledger, closed(FIRST + 180, 5.0), at=BEGINS + 3 * HOUR)
        tidy(ledger, BEGINS + 3 * HOUR + 600, mono=1e6)
    asked = asking(made, bearer="read")
    period = f"from={timestamp(Unix(BEGINS))}&to={timestamp(Unix(BEGINS + 3 * HOUR))}"
    found = asked.get(f"/api/v1/readings?{period}").json()
    assert (found["step_s"], len(found["items"]), found["next"]) == (60, 180, None)
    assert [found["items"][n]["mean"] for n in (0, 100, 179)] == [179.0, 79.0, 0.0]
    late = f"from={timestamp(Unix(BEGINS + 2.5 * HOUR))}&to={timestamp(Unix(BEGINS + 3 * HOUR))}"
    assert asked.get(f"/api/v1/readings?{late}").json()["step_s"] == 0, "all of them are there still"


def test_one_visit_comes_with_its_record_or_says_why_not(reader: Asking, tmp_path: Path) -> None:
    found = reader.get("/api/v1/visits/v6").json()
    assert (found["id"], found["record"]) == ("v6", None)
    assert reader.get("/api/v1/visits/v9").status == 404
    torn = asking(house(tmp_path, ("v1", visit(moment(1), record=b"\x01 torn"))), bearer="read")
    found = torn.get("/api/v1/visits/v1").json()
    assert found["record"] is None
    assert found["record_missing"]


def test_a_visit_erased_between_two_pages_is_missed_by_nobody(tmp_path: Path) -> None:
    reader = asking(house(tmp_path, *events()), bearer="read")
    first = reader.get("/api/v1/visits?limit=2").json()
    erase_people(tmp_path / "edge-mask.db", Erasure(visit="v5"))  # the one that the cursor stands on
    erase_people(tmp_path / "edge-mask.db", Erasure(visit="v4"))
    record(tmp_path, ("v7", visit(moment(7))))
    found = reader.get(f"/api/v1/visits?limit=2&cursor={first['next']}").json()
    assert [each["id"] for each in found["items"]] == ["v3", "v2"]


@pytest.mark.parametrize(
    "damage", ["camera = x'ff'", "mask_score = 'much'", "reasons = '{'", "ispass = 7", "synced = 9"]
)
def test_a_damaged_row_has_what_is_sound_of_it(tmp_path: Path, damage: str) -> None:
    reader = asking(house(tmp_path, *events()), bearer="read")
    with closing(sqlite3.connect(tmp_path / "edge-mask.db")) as connection:
        connection.execute(f"UPDATE visits SET {damage} WHERE id = 'v4'")
        connection.commit()
    column = damage.partition(" ")[0]
    found = reader.get("/api/v1/visits").json()["items"]
    assert len(found) == 6
    assert found[2]["damaged"] == [column]
    assert (found[2]["id"], column in found[2]) == ("v4", False)
    assert reader.get("/api/v1/visits/v4").json()["damaged"] == [column]
    assert (
        reader.get("/api/v1/visits.csv").text.count("\r\n") == reader.get("/api/v1/visits.jsonl").text.count("\n") + 1
    )


def test_without_a_database_the_answer_is_soon_again(tmp_path: Path) -> None:
    reader = asking(site(tmp_path), bearer="read")
    for path in (
        "summary",
        "hours",
        "visits",
        "visits/v1",
        "visits.csv",
        "alerts",
        "faults",
        "readings",
        "pictures/v1",
    ):
        answer = reader.get(f"/api/v1/{path}")
        assert (answer.status, answer.headers.get("retry-after")) == (503, "5"), (path, answer)
        assert str(tmp_path) not in answer.text


# -- pictures and cameras --------------------------------------------------------------------------------


def test_cameras_are_told_without_their_addresses(tmp_path: Path) -> None:
    figures: Mapping[str, Any] = {"cameras": {"hall": {"fps": 5.0, "interval_s": 0.2, "state": "ok"}}}
    reader = asking(house(tmp_path, figures=lambda: figures), bearer="read")
    answer = reader.get("/api/v1/cameras")
    assert answer.json()["items"] == [
        {"name": "front", "role": "gate", "latest": None},
        {"name": "hall", "role": "cctv", "fps": 5.0, "interval_s": 0.2, "state": "ok", "latest": None},
    ]
    assert "secret" not in answer.text
    assert reader.get("/api/v1/cameras/hall/latest.jpg").status == 404
    (tmp_path / "snapshots").mkdir()
    (tmp_path / "snapshots" / "latest-hall.jpg").write_bytes(JPEG)
    os.utime(tmp_path / "snapshots" / "latest-hall.jpg", (START, START))
    assert reader.get("/api/v1/cameras").json()["items"][1]["latest"] == timestamp(START)
    picture = reader.get("/api/v1/cameras/hall/latest.jpg?at=123")
    assert (picture.status, picture.body, picture.headers["content-type"]) == (200, JPEG, "image/jpeg")
    assert picture.headers["cache-control"] == "private, no-store"
    assert reader.get("/api/v1/cameras/hall/latest.jpg", if_none_match=picture.headers["etag"]).status == 304
    assert reader.get("/api/v1/cameras/yard/latest.jpg").status == 404


def test_the_picture_of_an_event_is_given_also_after_its_verdict_became_certain(tmp_path: Path) -> None:
    reader = asking(house(tmp_path, *events()), bearer="read")
    assert reader.get("/api/v1/pictures/v6").json()["detail"] == "the picture is not kept any more"
    assert reader.get("/api/v1/pictures/v1").json()["detail"] == "no picture was kept of it"
    assert reader.get("/api/v1/pictures/v9").status == 404
    (tmp_path / "snapshots").mkdir()
    for name in (f"temp-{PICTURE}", PICTURE):
        for each in (tmp_path / "snapshots").iterdir():
            each.unlink()
        (tmp_path / "snapshots" / name).write_bytes(JPEG)
        for event in ("v6", "a1"):
            answer = reader.get(f"/api/v1/pictures/{event}")
            assert (answer.status, answer.body, answer.headers["content-type"]) == (200, JPEG, "image/jpeg")


# -- exports ---------------------------------------------------------------------------------------------


def test_the_table_is_the_one_of_the_command_and_excel_can_have_a_byte_order_mark(reader: Asking) -> None:
    answer = reader.get("/api/v1/visits.csv?verdict=no_pass")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="visits.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["id"] for row in rows] == ["v6", "v4", "v2"]
    assert rows[0]["visited"] == "2026-09-21T23:13:26.000+09:00"
    assert {row["clock_ok"] for row in rows} == {"true"}, "as JSON has it, not Python's True"
    assert reader.get("/api/v1/visits.csv?bom=true").body.startswith(b"\xef\xbb\xbfvisited,")


def test_each_line_is_a_message_and_all_pages_are_there(tmp_path: Path) -> None:
    reader = asking(house(tmp_path, *((f"v{n}", visit(moment(n))) for n in range(1203))), bearer="read")
    lines = reader.get("/api/v1/visits.jsonl").text.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [f"v{n}" for n in reversed(range(1203))]
    assert json.loads(lines[0]) == reader.get("/api/v1/visits?limit=1").json()["items"][0]
    assert len(reader.get("/api/v1/visits.csv").text.splitlines()) == 1204


# -- what changes something ------------------------------------------------------------------------------


def done(value: Any) -> "Future[Any]":
    future: Future[Any] = Future()
    if isinstance(value, BaseException):
        future.set_exception(value)
    else:
        future.set_result(value)
    return future


def marking(folder: Path, answer: Callable[[Sighting], Any], who: str = "operator") -> Asking:
    return asking(house(folder, *events(), mark_seen=lambda sighting: done(answer(sighting))), who=who)


def test_marks_are_left_in_the_name_of_who_is_logged_in(tmp_path: Path) -> None:
    marked: list[Sighting] = []

    def mark(sighting: Sighting) -> int:
        marked.append(sighting)
        return 1

    operator = marking(tmp_path, mark)
    answer = operator.post("/api/v1/alerts/seen", b'{"ids": ["a1", "a2"]}', content_type="application/json")
    assert (answer.status, answer.json()) == (200, {"marked": 1})
    until = json.dumps({"until": timestamp(moment(3).wall)}).encode()
    assert operator.post("/api/v1/faults/seen", until, content_type="application/json").status == 200
    assert marked == [
        Sighting("alerts", "operator", ["a1", "a2"]), Sighting("faults", "operator", [], moment(3).wall),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "body: is not JSON"), (b"[]", "body: allowed"), (b"{}", "body: allowed"), (b"{", "body: is not JSON"),
        (b'{"ids": ["a"], "until": "2026-01-01"}', "body: allowed"), (b'{"ids": "a1"}', "ids: allowed: up to 500"),
        (b'{"ids": [1]}', "ids: allowed"), (b'{"ids": ["\\u0000"]}', "ids: allowed"),
        (b'{"ids": [""]}', "ids: allowed"),
        (b'{"ids": ["\\ud800"]}', "ids: allowed"),
        (b'{"ids": [' + b",".join([b'"a"'] * 501) + b"]}", "ids: allowed"), (b'{"until": null}', "until: allowed"),
        (b'{"until": 17}', "until: allowed"), (b'{"until": "soon"}', "until: found 'soon'"),
        (b"[" * 60_000, "body: is not JSON"), (b"\xff\xfe", "body: is not JSON"),
    ],
)  # fmt: skip
def test_a_wrong_mark_is_a_sentence(tmp_path: Path, body: bytes, sentence: str) -> None:
    operator = marking(tmp_path, lambda _sighting: 1)
    answer = operator.post("/api/v1/alerts/seen", body, content_type="application/json")
    assert (answer.status, answer.json()["detail"][: len(sentence)]) == (400, sentence)
    assert operator.post("/api/v1/alerts/seen", b"ids=a", content_type="text/plain").status == 415


def test_who_only_reads_marks_and_erases_nothing(tmp_path: Path) -> None:
    viewer = marking(tmp_path, lambda _sighting: 1, who="viewer")
    assert viewer.post("/api/v1/alerts/seen", b'{"ids": ["a1"]}', content_type="application/json").status == 403
    assert viewer.ask("DELETE", "/api/v1/visits/v6", headers={"origin": "http://127.0.0.1:8080"}).status == 403


def test_a_recorder_that_is_busy_is_asked_again_later(tmp_path: Path) -> None:
    operator = marking(tmp_path, lambda _sighting: TryLater("the recorder has too much to do"))
    answer = operator.post("/api/v1/alerts/seen", b'{"ids": ["a1"]}', content_type="application/json")
    assert (answer.status, answer.json()["detail"]) == (503, "the recorder has too much to do")
    asked: Future[int] = Future()
    asked.cancel()
    stopped = asking(house(tmp_path / "other", *events(), mark_seen=lambda _sighting: asked), who="operator")
    answer = stopped.post("/api/v1/alerts/seen", b'{"ids": ["a1"]}', content_type="application/json")
    assert answer.status == 503


def erasing(folder: Path, said: Mapping[str, Any], asked: list[Any]) -> Asking:
    def ask(name: str, payload: bytes, content_type: str = "", *, under: str | None = None) -> "Future[Any]":
        asked.append((name, json.loads(payload), content_type, under))
        return done(said)

    return asking(house(folder, *events(), ask=ask), bearer="control")


def test_a_visit_is_erased_through_the_command(tmp_path: Path) -> None:
    asked: list[Any] = []
    program = erasing(tmp_path, {"ok": True, "counts": {"visits": 1, "pictures": 1}}, asked)
    answer = program.ask("DELETE", "/api/v1/visits/v6")
    assert (answer.status, answer.json()) == (200, {"counts": {"visits": 1, "pictures": 1}})
    assert asked == [("erase", {"visit": "v6"}, "application/json", None)]


def test_what_cannot_be_erased_is_told_with_the_right_status(tmp_path: Path) -> None:
    failed = {"ok": False, "error": {"code": "failed", "text": "it did not go"}}
    program = erasing(tmp_path, failed, [])
    assert program.ask("DELETE", "/api/v1/visits/v6").status == 500
    assert program.ask("DELETE", "/api/v1/visits/v9").status == 404
    busy = erasing(tmp_path / "busy", {"ok": False, "error": {"code": "busy", "text": "later"}}, [])
    assert busy.ask("DELETE", "/api/v1/visits/v6").status == 503


def test_the_status_is_what_the_command_answers(tmp_path: Path) -> None:
    said: dict[str, Any] = {"ok": True, "request_id": None, "cpu": 12.0, "parts": []}
    reader = asking(house(tmp_path, ask=lambda *_asked, **_more: done(said)), bearer="read")
    assert reader.get("/api/v1/status").json() == {"cpu": 12.0, "parts": []}
