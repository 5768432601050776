"""Whether somebody is told, decided when the event is recorded: quiet hours, cool-down, words, pictures."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

import pytest

from edge_mask.messages import Alert, Deviation, Message, Priority
from edge_mask.notify.desk import NoticeDesk, Told
from edge_mask.notify.notice import LONGEST_TEXT, LONGEST_TITLE, unpacked
from edge_mask.notify.words import text_of
from edge_mask.rules.effects import Notify
from edge_mask.series.nouns import Reason
from edge_mask.settings.notify import NtfyTarget, Target, WebPushTarget
from edge_mask.units import Moment, Seconds, Unix

SEOUL = ZoneInfo("Asia/Seoul")
BERLIN = ZoneInfo("Europe/Berlin")
BOOT = "boot-1"


def target(name: str = "guard", **more: Any) -> Target:
    return NtfyTarget.model_validate({"name": name, "kind": "ntfy", "topic": "t", "cool_down": "0s", **more})


def desk(*targets: Target, zone: ZoneInfo = SEOUL, marks: Mapping[str, int] | None = None, **more: Any) -> NoticeDesk:
    known = targets or (target(),)
    return NoticeDesk(
        known,
        **{
            "default": [each.name for each in known], "language": "en", "thing": "gate-01", "zone": zone, "boot": BOOT,
            "sends_pictures": False, "marks": marks or {}, "new_id": lambda at: f"id-{at.mono}", **more,
        },
    )  # fmt: skip


def at(text: str, zone: ZoneInfo = SEOUL, *, fold: int = 0, synced: bool = True) -> Moment:
    wall = datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()
    return Moment(Seconds(wall - 1_700_000_000.0), Unix(wall), synced)


def alert(moment: Moment, camera: str | None = "front", kind: str = "no_mask", **more: Any) -> Alert:
    return Alert(**{"at": moment, "kind": kind, "text": "odd", "camera": camera, "streak": 6, "value": 38.2, **more})


def message(fields: Mapping[str, Any], priority: Priority = Priority.URGENT) -> Message:
    return Message(
        topic="edge-mask/gate-01/alerts",
        payload=json.dumps(fields).encode(),
        priority=priority,
        qos=1,
        id=fields.get("id", "event-1"),
    )


def tell(office: NoticeDesk, moment: Moment, **more: Any) -> Told:
    made = alert(moment, **more)
    return office.alert(made, message({"id": f"event-{moment.mono}-{made.kind}", "camera": made.camera}), None)


def wish(**more: Any) -> Notify:
    fields = {"rule": "hot", "to": ("guard",), "title": "Hot", "text": "38", "snapshot": False, "priority": None}
    return Notify(**{**fields, **more})


NOON = at("2026-07-01T12:00")


@pytest.mark.parametrize(
    ("hours", "time", "is_told"),
    [
        (["22:00", "07:00"], "21:59", True),
        (["22:00", "07:00"], "22:00", False),
        (["22:00", "07:00"], "23:59", False),
        (["22:00", "07:00"], "00:00", False),
        (["22:00", "07:00"], "06:59", False),
        (["22:00", "07:00"], "07:00", True),
        (["12:00", "13:00"], "12:30", False),
        (["12:00", "13:00"], "13:00", True),
        (["12:00", "13:00"], "00:30", True),
    ],
)
def test_quiet_hours_over_midnight_and_by_day(hours: Sequence[str], time: str, is_told: bool) -> None:
    told = tell(desk(target(quiet_hours=hours)), at(f"2026-07-01T{time}"))
    assert bool(told.rows) is is_told
    assert told.counts == ({} if is_told else {"notify_quiet": 1})


@pytest.mark.parametrize("fold", [0, 1])
def test_an_hour_that_comes_twice_is_quiet_twice(fold: int) -> None:
    """On 2026-10-25 clocks in Berlin go back from 03:00 to 02:00: a day of 25 hours."""
    office = desk(target(quiet_hours=["02:00", "03:00"]), zone=BERLIN)
    assert not tell(office, at("2026-10-25T02:30", BERLIN, fold=fold)).rows
    assert tell(office, at("2026-10-25T03:00", BERLIN)).rows


def test_the_end_of_quiet_hours_that_a_day_of_23_hours_leaves_out() -> None:
    """On 2026-03-29 it is 03:00 right after 01:59."""
    office = desk(target(quiet_hours=["22:00", "02:30"]), zone=BERLIN)
    assert not tell(office, at("2026-03-29T01:59", BERLIN)).rows
    assert tell(office, at("2026-03-29T03:00", BERLIN)).rows


def test_what_is_urgent_enough_wakes_people() -> None:
    night = at("2026-07-01T23:00")
    loud = target(quiet_hours=["22:00", "07:00"], quiet_except="high")
    assert tell(desk(loud), night).rows, "an alert is high"
    assert not tell(desk(loud), night, kind="outlier").rows, "an outlier is normal"
    office = desk(target(quiet_hours=["22:00", "07:00"]))
    assert not office.rule(wish(priority="high"), message({}), night, None).rows
    assert office.rule(wish(priority="urgent"), message({}), night, None).rows


def test_without_a_clock_nobody_knows_the_hour() -> None:
    office = desk(target(quiet_hours=["00:00", "23:59"]))
    assert tell(office, at("1970-01-01T12:00", synced=False)).rows


def later(seconds: float, since: Moment = NOON) -> Moment:
    return Moment(Seconds(since.mono + seconds), Unix(since.wall + seconds), since.synced)


def test_the_cool_down_is_of_a_target_a_camera_and_a_kind() -> None:
    office = desk(target(cool_down="5m"))
    assert tell(office, NOON).rows
    held = tell(office, later(299))
    assert not held.rows
    assert held.counts == {"notify_cool_down": 1}
    assert tell(office, later(299), camera="back").rows
    assert tell(office, later(299), kind="fever").rows
    assert tell(office, later(300)).rows, "counted from the last one that was sent"
    assert not tell(office, later(599)).rows


def test_the_cool_down_outlives_a_restart() -> None:
    first = tell(desk(target(cool_down="5m")), NOON)
    assert not tell(desk(target(cool_down="5m"), marks=first.marks), later(200)).rows
    assert tell(desk(target(cool_down="5m"), marks=first.marks), later(301)).rows


def test_a_clock_that_jumps_neither_silences_nor_repeats() -> None:
    office = desk(target(cool_down="5m"))
    tell(office, NOON)
    forward = Moment(Seconds(NOON.mono + 10), Unix(NOON.wall + 86400))
    assert not tell(office, forward).rows, "within a boot the monotonic clock counts"
    back = desk(target(cool_down="5m"), marks={"notified guard front no_mask": int(NOON.wall) + 9000})
    assert tell(back, NOON).rows, "a mark of the future holds nobody back"


def test_a_storm_of_cameras_does_not_fill_the_memory() -> None:
    office = desk(target(cool_down="5m"))
    for number in range(2000):
        office.rule(wish(), message({"id": str(number), "camera": f"c{number}" + "x" * 500}), NOON, None)
    assert len(office._cool_down._told) <= 500


def test_alerts_speak_the_language_of_the_site() -> None:
    def words(language: str, **more: Any) -> tuple[str, str]:
        (row,) = tell(desk(language=language), NOON, **more).rows
        notice = unpacked(row.message.payload)
        return notice.title, notice.text

    assert words("en") == ("No mask: front", "gate-01: Somebody without a mask in 6 looks in a row.")
    assert words("ko", kind="fever") == ("체온 높음: front", "gate-01: 체온 38.2°, 기준보다 높습니다.")
    assert words("en", kind="fever", value=None) == ("High temperature: front", "gate-01: odd")
    assert words("ko", kind="tailgating")[0] == "뒤따라 통과한 사람 있음: front"
    assert words("en", kind="new", camera=None, sensor="hall {x}") == ("Alert: hall {x}", "gate-01: odd")


def test_a_rule_tells_each_target_once_and_counts_those_that_are_gone() -> None:
    office = desk(target("guard"), target("office"))
    told = office.rule(wish(to=("guard", "office", "guard", "gone")), message({}), NOON, None)
    assert [row.destination for row in told.rows] == ["notify:guard", "notify:office"]
    assert told.counts == {"notify_no_target": 1}


def test_no_title_can_begin_a_header_or_a_line() -> None:
    title = "Hot\r\nX-Evil: 1\x00\u2028 마스크 😷"
    (row,) = desk().rule(wish(title=title, text="a\r\nb\x07\tc\x1b[31m 😷"), message({}), NOON, None).rows
    notice = unpacked(row.message.payload)
    assert notice.title == "Hot X-Evil: 1 마스크 😷"
    assert notice.text == "a\nb\tc[31m 😷"


def test_ten_thousand_characters_are_cut_and_say_so() -> None:
    (row,) = desk().rule(wish(title="t" * 10_000, text="마" * 10_000), message({}), NOON, None).rows
    notice = unpacked(row.message.payload)
    assert len(notice.title) == LONGEST_TITLE
    assert len(notice.text) == LONGEST_TEXT
    assert notice.text.endswith("마…")


@pytest.mark.parametrize(
    ("of_target", "sends_pictures", "asked", "is_sent"),
    [
        (None, False, True, False),
        (None, True, True, True),
        (None, True, False, False),
        (True, False, True, True),
        (True, False, False, False),
        (False, True, True, False),
    ],
)
def test_a_picture_goes_only_where_somebody_allowed_it(
    of_target: bool | None, sends_pictures: bool, asked: bool, is_sent: bool
) -> None:
    office = desk(target(pictures=of_target), sends_pictures=sends_pictures)
    (row,) = office.rule(wish(snapshot=asked), message({"snapshot": "a.jpg"}), NOON, None).rows
    assert bool(unpacked(row.message.payload).snapshot) is is_sent


@pytest.mark.parametrize(("of_target", "is_sent"), [(None, False), (True, True), (False, False)])
def test_an_alert_shows_nobody_by_default(of_target: bool | None, is_sent: bool) -> None:
    (row,) = tell(desk(target(pictures=of_target), sends_pictures=True), NOON, snapshot="a.jpg").rows
    assert bool(unpacked(row.message.payload).snapshot) is is_sent


def test_each_browser_has_a_row_of_its_own() -> None:
    phones = WebPushTarget.model_validate({"name": "phones", "kind": "web-push", "subject": "mailto:a@example.org"})
    told = tell(desk(phones, browsers=lambda: ["one", "two"]), NOON)
    assert [row.destination for row in told.rows] == ["notify:phones/one", "notify:phones/two"]
    assert tell(desk(phones), NOON).counts == {"notify_nobody": 1}


def test_the_cause_goes_along_so_that_erasing_it_takes_the_words_away() -> None:
    (row,) = desk().rule(wish(), message({"id": "visit-7"}), NOON, None).rows
    assert b"visit-7" in row.message.properties["payload"]
    assert row.message.priority is Priority.URGENT
    (late,) = desk().rule(wish(), message({}, Priority.LIVE), NOON, None).rows
    assert late.message.priority is Priority.TELEMETRY


def test_the_text_of_a_fever_has_the_limit_in_every_language() -> None:
    text = "A visitor at front has 38.7 °C, above 37.5 °C."
    alert = Alert(at=NOON, kind="fever", text=text, camera="front", value=38.7, above=37.5, unit="C")
    assert text_of(alert, "gate-01", "ko") == "gate-01: 체온 38.7 °C, 기준 37.5 °C보다 높습니다."
    assert text_of(alert, "gate-01", "en") == "gate-01: 38.7 °C was measured, above 37.5 °C."


FEVER = {"id": "visit-7", "camera": "front", "temperature": 38.7, "verdict": "no_pass"}


def of_visit(**more: Any) -> Message:
    return Message(
        topic="edge-mask/gate-01/visits",
        payload=json.dumps({**FEVER, **more}).encode(),
        priority=Priority.EVIDENCE,
        qos=1,
        id=str(more.get("id", "visit-7")),
    )


def fever(office: NoticeDesk, moment: Moment = NOON, value: float = 38.7) -> Told:
    made = alert(moment, kind="fever", value=value)
    return office.alert(made, message({"id": f"{value} {moment.mono}", "camera": "front", "value": value}), None)


def test_an_alert_and_a_rule_of_the_same_message_ring_once_with_the_words_of_the_rule() -> None:
    office = desk()
    (row,) = office.rule(wish(), message({"id": f"event-{NOON.mono}-no_mask", "camera": "front"}), NOON, None).rows
    assert unpacked(row.message.payload).title == "Hot"
    told = tell(office, NOON)
    assert (told.rows, told.counts) == ([], {"notify_same_event": 1})
    assert tell(desk(), NOON).rows, "without the rule the alert rings"


def test_a_fever_told_by_a_rule_on_visits_and_by_its_alert_rings_once() -> None:
    office = desk(target("guard"), target("office"))
    assert office.rule(wish(), of_visit(), NOON, None).rows
    told = fever(office)
    assert [row.destination for row in told.rows] == ["notify:office"], "whom the rule did not tell, the alert tells"
    late = desk()
    assert fever(late).rows
    assert not late.rule(wish(), of_visit(), NOON, None).rows, "a visit that waited for its passage comes second"


def test_two_rules_for_one_event_ring_once_and_two_visits_of_a_moment_twice() -> None:
    office = desk()
    assert office.rule(wish(rule="a"), of_visit(), NOON, None).rows
    assert not office.rule(wish(rule="b"), of_visit(), NOON, None).rows
    assert office.rule(wish(rule="a"), of_visit(id="visit-8"), NOON, None).rows
    assert fever(office, value=39.9).rows, "somebody else's fever"
    assert fever(office, later(60)).rows, "another time"


def test_a_silent_one_or_one_that_is_kept_back_does_not_take_the_ring() -> None:
    office = desk()
    assert office.rule(wish(priority="low"), of_visit(), NOON, None).rows
    assert fever(office).rows, "low makes no sound"
    cooling = desk(target(cool_down="5m"))
    assert cooling.rule(wish(), of_visit(id="visit-6"), NOON, None).rows
    assert cooling.rule(wish(), of_visit(), later(9), None).counts == {"notify_cool_down": 1}
    assert fever(cooling, later(9)).rows


def test_events_without_end_do_not_fill_the_memory() -> None:
    office = desk()
    for number in range(3000):
        office.rule(wish(), of_visit(id=f"visit-{number}"), NOON, None)
    assert len(office._rung._rung) <= 256


def outlier(state: Literal["begun", "ended"], reason: str = "silent") -> Alert:
    deviation = Deviation(quantity="flow", outlier="system", reason=reason, began=NOON.wall, state=state)
    return Alert(at=NOON, kind="outlier", text=f"main: flow: {reason}", sensor="main", deviation=deviation)


def test_an_outlier_rings_when_it_begins_and_its_end_is_said_quietly() -> None:
    alerts = (outlier("begun"), outlier("ended"))
    rows = [row for each in alerts for row in desk().alert(each, message({"id": "a"}), None).rows]
    told = [unpacked(row.message.payload) for row in rows]
    assert [each.priority for each in told] == ["normal", "low"]
    assert [each.title for each in told] == ["Unusual reading: main", "As usual again: main"]
    assert told[0].text == "gate-01: main: flow: silent"


def test_an_end_and_another_outlier_are_no_repetition_of_the_first() -> None:
    office = desk(target(cool_down="1h"))
    alerts = (outlier("begun"), outlier("begun"), outlier("ended"), outlier("begun", "spike"))
    rows = [len(office.alert(each, message({"id": f"a{n}"}), None).rows) for n, each in enumerate(alerts)]
    assert rows == [1, 0, 1, 1]


@pytest.mark.parametrize("reason", get_args(Reason))
def test_an_outlier_is_told_in_korean_by_its_reason(reason: Reason) -> None:
    begun = replace(outlier("begun", reason), value=3.41)
    text = text_of(begun, "gate-01", "ko")
    assert text.startswith("gate-01: ")
    assert "flow" in text
    assert text != text_of(begun, "gate-01", "en") == f"gate-01: main: flow: {reason}"
    assert text_of(outlier("ended", reason), "gate-01", "ko") == "gate-01: flow: 다시 정상입니다."


def test_korean_says_what_would_be_usual_and_falls_back_where_a_number_is_missing() -> None:
    leak = outlier("begun", "leak")
    assert leak.deviation is not None
    told = replace(leak, value=3.41, unit="m3/h", deviation=replace(leak.deviation, expected=(None, 2.9)))
    assert "3.41 m3/h (평소 ~2.9)" in text_of(told, "gate-01", "ko")
    assert text_of(leak, "gate-01", "ko") == "gate-01: main: flow: leak"
