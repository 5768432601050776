"""Who went through: each transition of the two tables, trajectories, and what holds for any sequence."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_mask.decide.level import LEVELS, Level, Sign, StateWatch
from edge_mask.decide.passage import GRACE, WAITS, PassagePolicy, PassageWatch, Turn, Wait
from edge_mask.messages import Alert, Settled, Visit
from edge_mask.units import Moment, Seconds, Unix

WINDOW = 5.0
POLICY = PassagePolicy(sensor="beam", window=Seconds(WINDOW), camera="front")


def at(seconds: float) -> Moment:
    return Moment(Seconds(1000.0 + seconds), Unix(1_790_000_000.0 + seconds))


def visit(seconds: float, verdict: str = "pass", track: int | None = None) -> Visit:
    return Visit(
        at=at(seconds), camera="front", verdict="pass" if verdict == "pass" else "no_pass", mask="mask", mask_score=0.9,
        temperature=None, track=track,
    )  # fmt: skip


# -- the level of the sensor ------------------------------------------------------------------------------


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("sign", Sign)
def test_only_the_change_from_0_to_1_is_a_passage(level: Level, sign: Sign) -> None:
    to = LEVELS[level][sign]
    wanted = {Sign.ONE: Level.HIGH, Sign.BOUNCE: Level.HIGH, Sign.ZERO: Level.LOW, Sign.GONE: Level.AWAY}
    assert to.level is wanted[sign]
    assert to.is_passage == (sign is Sign.ONE and level in (Level.LOW, Level.NEW))


@pytest.mark.parametrize(
    ("said", "passages"),
    [
        ([(0, 0), (1, 1)], [1]),
        ([(0, 1), (1, 0), (2, 1)], [2]),  # the level when it is opened is a state
        ([(0, 0), (1, 1), (2, 1), (3, 1)], [1]),
        ([(0, 0), (1, 1), (1.2, 0), (1.24, 1), (1.3, 0), (2, 1)], [1, 2]),  # 40 ms are a bounce
        ([(0, 0), (1, 0.9), (2, 0.2), (3, 0.6)], [1, 3]),
    ],
)
def test_what_a_sensor_says_in_a_row(said: list[tuple[float, float]], passages: list[float]) -> None:
    watch = StateWatch(Seconds(0.05))
    assert [moment for moment, value in said if watch.said(value, at(moment))] == passages


def test_the_first_value_after_an_absence_is_a_state() -> None:
    watch = StateWatch(Seconds(0.05))
    watch.said(0, at(0))
    watch.gone(at(1))
    assert watch.known_since == float("inf")
    assert not watch.said(1, at(2))
    assert watch.known_since == at(2).mono


def test_a_topic_tells_of_changes_so_its_first_1_is_one_unless_a_kept_value_told_the_level() -> None:
    assert StateWatch(Seconds(0.05), tells_changes_only=True).said(1, at(0))
    told = StateWatch(Seconds(0.05), tells_changes_only=True)
    told.stands(1, at(0))
    assert not told.said(1, at(1))
    gone = StateWatch(Seconds(0.05), tells_changes_only=True)
    gone.gone(at(0))
    assert not gone.said(1, at(1))


# -- visits that wait -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wait", "turn", "becomes"),
    [
        (Wait.WATCHED, Turn.PASSAGE, Wait.THROUGH),
        (Wait.WATCHED, Turn.GONE, Wait.UNWATCHED),
        (Wait.WATCHED, Turn.OVER, Wait.STAYED),
        (Wait.WATCHED, Turn.STOP, Wait.UNKNOWN),
        (Wait.UNWATCHED, Turn.PASSAGE, Wait.THROUGH),
        (Wait.UNWATCHED, Turn.GONE, Wait.UNWATCHED),
        (Wait.UNWATCHED, Turn.OVER, Wait.UNKNOWN),
        (Wait.UNWATCHED, Turn.STOP, Wait.UNKNOWN),
    ],
)
def test_each_transition_of_a_visit_that_waits(wait: Wait, turn: Turn, becomes: Wait) -> None:
    assert WAITS[wait][turn] is becomes
    assert sum(len(turns) for turns in WAITS.values()) == 8


Step = tuple[float, str, Any]
"""(seconds, what, …): a verdict ("pass", "no_pass"; its track), a value of the sensor ("said"), "gone", "tick"."""


def play(steps: list[Step], policy: PassagePolicy = POLICY) -> tuple[dict[str, bool | None], list[str]]:
    """What each visit said in the end (`a`, `b` … in the order of the verdicts), and the texts of alerts.

    Time goes on from step to step, as in a house; at the end every window is over.
    """
    watch = PassageWatch(policy)
    events: list[Settled | Alert] = []
    names = iter("abcdefghijklmnopqrstuvwxyz")
    for seconds, what, more in steps:
        events += watch.tick(at(seconds).mono)
        match what:
            case "pass" | "no_pass":
                events += watch.judged(next(names), visit(seconds, what, more))
            case "late":  # a verdict that comes half a second after its look
                events += watch.judged(next(names), visit(seconds - 0.5))
            case "said":
                events += watch.said(more, at(seconds))
            case "gone":
                watch.gone(at(seconds))
            case "stop":
                events += watch.finish()
    events += watch.tick(Seconds(at(1000).mono))
    assert watch.is_empty
    settled = [(each.id, each.visit.passed_through) for each in events if isinstance(each, Settled) and each.visit]
    assert len(dict(settled)) == len(settled)
    return dict(settled), [each.text for each in events if isinstance(each, Alert)]


REFUSED = "front: somebody who was refused went through."
ONE_MORE = "front: one more person went through than was let pass."
NO_VERDICT = "front: somebody went through without a verdict."
ZERO: Step = (0.0, "said", 0)


def passage(seconds: float) -> list[Step]:
    return [(seconds, "said", 1), (seconds + 0.2, "said", 0)]


@pytest.mark.parametrize(
    ("steps", "settled", "alerts"),
    [
        ([ZERO, (1, "pass", 1), *passage(3)], {"a": True}, []),
        ([ZERO, (1, "pass", 1)], {"a": False}, []),
        ([ZERO, (1, "no_pass", 1)], {"a": False}, []),
        ([ZERO, (1, "pass", 1), *passage(6.5)], {"a": False}, [NO_VERDICT]),  # after its window
        ([ZERO, (1, "pass", 1), *passage(6)], {"a": True}, []),  # at its end
        ([ZERO, *passage(3)], {}, [NO_VERDICT]),
        ([ZERO, (1, "pass", 1), *passage(2), *passage(3)], {"a": True}, [ONE_MORE]),
        ([ZERO, (1, "no_pass", 1), *passage(2)], {"a": True}, [REFUSED]),
        # several people: first come, first served
        ([ZERO, (1, "pass", 1), (2, "pass", 2), *passage(3)], {"a": True, "b": False}, []),
        ([ZERO, (1, "pass", 1), (2, "pass", 2), *passage(3), *passage(4)], {"a": True, "b": True}, []),
        ([ZERO, (1, "no_pass", 1), (2, "pass", 2), *passage(3)], {"a": False, "b": True}, []),
        ([ZERO, (1, "no_pass", 1), (2, "pass", 2), *passage(3), *passage(4)], {"a": True, "b": True}, [REFUSED]),
        # one person: refused, puts a mask on, passes; somebody behind makes use of it
        ([ZERO, (1, "no_pass", 1), (3, "pass", 1), *passage(4)], {"a": False, "b": True}, []),
        ([ZERO, (1, "no_pass", 1), (3, "pass", 1), *passage(4), *passage(5)], {"a": False, "b": True}, [ONE_MORE]),
        # a pass stays good for its window: the next in the queue may be taken for the same person
        ([ZERO, (1, "pass", 1), (2.5, "no_pass", 1), *passage(3)], {"a": True, "b": False}, []),
        # the sensor
        ([(1, "pass", 1), *passage(2)], {"a": None}, []),  # never heard before: the 1 is a state
        ([ZERO, (1, "pass", 1), (2, "gone", None)], {"a": None}, []),
        ([ZERO, (1, "pass", 1), (2, "gone", None), (3, "said", 1)], {"a": None}, []),
        ([ZERO, (1, "pass", 1), (2, "gone", None), (3, "said", 0), *passage(4)], {"a": True}, []),
        ([ZERO, (0.5, "gone", None), (0.6, "said", 0), (1, "pass", 1)], {"a": False}, []),
        ([ZERO, (1, "gone", None), (2, "pass", 1), (3, "said", 0)], {"a": None}, []),
        # told before the verdict that it belongs to
        ([ZERO, *passage(2), (2.4, "late", None)], {"a": True}, []),
        ([ZERO, *passage(2), (2.8, "late", None)], {"a": False}, [NO_VERDICT]),
        # a stop
        ([ZERO, (1, "pass", 1), (2, "stop", None)], {"a": None}, []),
        ([ZERO, (1, "no_pass", 1), (2, "said", 1), (2, "stop", None)], {"a": True}, [REFUSED]),
    ],
)
def test_trajectories(steps: list[Step], settled: dict[str, bool | None], alerts: list[str]) -> None:
    assert play(steps) == (settled, alerts)


def test_an_alert_names_the_sensor_and_the_camera_of_the_verdict_or_the_only_one() -> None:
    watch = PassageWatch(replace(POLICY, camera=None))
    watch.said(0, at(0))
    watch.said(1, at(1))
    (alert,) = watch.tick(Seconds(at(1).mono + GRACE))
    assert isinstance(alert, Alert)
    assert (alert.kind, alert.camera, alert.sensor, alert.at) == ("tailgating", None, "beam", at(1))
    assert alert.text == "beam: somebody went through without a verdict."


def test_it_says_when_it_wants_to_be_asked_again() -> None:
    watch = PassageWatch(POLICY)
    before = watch.next_due
    assert before is None
    watch.judged("a", visit(1))
    due = watch.next_due
    assert due == at(1).mono + WINDOW + GRACE
    assert watch.tick(Seconds(due - 0.01)) == []
    assert len(watch.tick(due)) == 1
    assert watch.is_empty


# -- for any sequence -------------------------------------------------------------------------------------

MOVES = st.lists(
    st.tuples(
        st.floats(0.0, 3.0, allow_nan=False),
        st.sampled_from(["pass", "no_pass", "said", "gone"]),
        st.sampled_from([0, 1, 1, None, 2]),
    ),
    max_size=60,
)


@given(MOVES)
def test_each_visit_is_settled_once_each_passage_is_used_once_in_order(moves: list[Step]) -> None:
    watch, model = PassageWatch(POLICY), StateWatch(POLICY.debounce)
    events: list[Settled | Alert] = []
    judged: dict[str, Visit] = {}
    passages: list[float] = []
    now = 0.0
    for pause, what, more in moves:
        now += pause
        events += watch.tick(at(now).mono)
        if what in ("pass", "no_pass"):
            judged[str(len(judged))] = visit(now, what, more)
            events += watch.judged(str(len(judged) - 1), judged[str(len(judged) - 1)])
        elif what == "said":
            if model.said(more or 0, at(now)):
                passages.append(at(now).mono)
            events += watch.said(more or 0, at(now))
        else:
            model.gone(at(now))
            watch.gone(at(now))
    events += watch.tick(Seconds(at(now + 100).mono))
    settled = [each for each in events if isinstance(each, Settled)]
    alerts = [each for each in events if isinstance(each, Alert)]
    assert Counter(each.id for each in settled) == Counter(dict.fromkeys(judged, 1))
    through = [judged[each.id] for each in settled if each.visit is not None and each.visit.passed_through]
    let_pass = [each for each in through if each.verdict == "pass"]
    # Every passage has one pass, or is one alert; somebody refused goes through with an alert only.
    assert len(let_pass) + len(alerts) == len(passages)
    assert len(through) - len(let_pass) == sum(each.text == REFUSED for each in alerts)
    assert {each.at.mono for each in alerts} <= set(passages)
    assert [each.at.mono for each in let_pass] == sorted(each.at.mono for each in let_pass)
    for each in through:
        assert any(each.at.mono <= moment <= each.at.mono + WINDOW for moment in passages)
    assert watch.is_empty
