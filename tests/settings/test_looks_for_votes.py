"""`gate.votes`, `gate.window` and a camera's `interval` fit each other where the decision itself says so.

Each limit is found by asking a real visitor and a real ballot; the configuration must draw it at the same place.
"""

from pathlib import Path

import pytest

from edge_mask.decide.look import Evidence, VisitorLook
from edge_mask.decide.visitor import GatePolicy, Visitor
from edge_mask.errors import ConfigurationError
from edge_mask.messages import Box
from edge_mask.settings import load_with_overlay, parse
from edge_mask.settings.vote_checks import FEWEST_VOTES
from edge_mask.track.votes import Ballot, VotePolicy
from edge_mask.units import Seconds

LONG = 60
"""Looks: many more than any window here holds."""


def verdicts(votes: int, window: float, interval: float, labels: list[str]) -> list[tuple[int, str, tuple[str, ...]]]:
    """Of one person who stays: the number of the look, the verdict and its reasons."""
    visitor = Visitor(GatePolicy(votes=votes, window=Seconds(window), still="ignore"))
    found: list[tuple[int, str, tuple[str, ...]]] = []
    for number, label in enumerate(labels):
        at = Seconds(round(number * interval, 3))
        told = visitor.see(VisitorLook(at=at, label=label, score=0.9, box=Box(0, 0, 100, 100)))
        if told is not None:
            found.append((number + 1, told.verdict, told.reasons))
    return found


def config(votes: int | None, window: float, interval: float) -> str:
    wanted = f"window: {window}s, still: ignore" + ("" if votes is None else f", votes: {votes}")
    return f"cameras: [{{name: a, source: 'usb:0', interval: {interval}s}}]\ngate: {{{wanted}}}\n"


def is_taken(text: str) -> bool:
    try:
        parse(text, "f.yaml", {})
    except ConfigurationError:
        return False
    return True


def remarks(text: str, folder: Path) -> tuple[str, ...]:
    (folder / "f.yaml").write_text(text)
    return load_with_overlay(folder / "f.yaml", {}).remarks


def test_the_lead_of_a_slow_device_is_the_decisions_own() -> None:
    assert VotePolicy().few == FEWEST_VOTES


@pytest.mark.parametrize("window", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.51, 0.75, 0.99, 1.0, 1.001, 1.5, 3.0])
@pytest.mark.parametrize("votes", [1, 2, 3])
def test_an_interval_is_taken_exactly_where_a_visitor_can_come_to_a_verdict(
    votes: int, share: float, window: float
) -> None:
    interval = round(share * window, 3)
    decided = bool(verdicts(votes, window, interval, ["mask"] * LONG))
    assert is_taken(config(votes, window, interval)) == decided


@pytest.mark.parametrize("window", [1.0, 2.0])
@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.501, 0.75, 1.0])
@pytest.mark.parametrize("votes", [1, 2, 3, 5])
def test_check_warns_exactly_where_nobody_who_changes_is_judged_again(
    votes: int, share: float, window: float, tmp_path: Path
) -> None:
    interval = round(share * window, 3)
    told = verdicts(votes, window, interval, ["mask"] * LONG + ["no_mask"] * LONG)
    assert told[0][1] == "pass"
    is_judged_again = told[-1][1] == "no_pass"
    written = None if votes == 5 else votes  # the default, which a slow camera need not reach
    found = remarks(config(written, window, interval), tmp_path)
    assert bool(found) == (not is_judged_again)
    assert all("who takes the mask off after a first one is not judged again" in sentence for sentence in found)


@pytest.mark.parametrize(
    ("window", "interval"), [(2.0, 0.2), (1.0, 0.2), (2.0, 0.5), (2.0, 0.3), (2.0, 1.0), (1.0, 0.05), (2.0, 1.5)]
)
def test_votes_are_taken_exactly_as_long_as_a_window_can_hold_them(window: float, interval: float) -> None:
    ballot = Ballot(VotePolicy(window=Seconds(window)))
    held = FEWEST_VOTES
    for number in range(LONG):
        ballot.add("mask", 0.9, Seconds(round(number * interval, 3)))
        held = max(held, ballot.tally()["mask"])
    taken = [votes for votes in range(1, 101) if is_taken(config(votes, window, interval))]
    assert taken == list(range(1, held + 1))
    # So many that agree decide at that very look; a greater number changes nothing: the end of the window decides.
    masked = ["mask"] * LONG
    assert verdicts(held, window, interval, masked)[0][0] == held
    assert verdicts(held + 1, window, interval, masked) == verdicts(100, window, interval, masked)


def test_votes_that_never_come_together_are_refused_with_how_many_do() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse(config(20, 1.0, 0.2), "f.yaml", {})
    text = 'found 20; gate.window, 1s, holds 6 looks of "a", so that it is a lead of 3 at its end that decides'
    assert caught.value.problems == [f"f.yaml:2: gate.votes: {text}; allowed: at most 6, or a longer window"]


@pytest.mark.parametrize(
    "cameras",
    [
        "cameras: [{name: a, source: 'usb:0', interval: 0s}]\n",
        "cameras: [{name: a, source: 'usb:0', interval: 1s}, {name: b, source: 'usb:1', interval: 0.1s}]\n",
    ],
)
def test_votes_that_one_camera_can_have_are_taken(cameras: str) -> None:
    assert parse(cameras + "gate: {votes: 20}\n", "f.yaml", {}).gate.votes == 20


def test_a_slow_camera_need_not_reach_votes_that_nobody_wrote() -> None:
    assert is_taken(config(None, 2.0, 1.0))


def test_looks_too_far_apart_for_a_verdict_are_told_at_the_key_that_was_written() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse("cameras: [{name: a, source: 'usb:0', interval: 2.5s}]\n", "f.yaml", {})
    text = "2.5s is too long: looks count together within gate.window, 2s, and one alone decides nothing"
    assert caught.value.problems == [f"f.yaml:1: cameras[0].interval: {text}; allowed: at most 2s"]
    with pytest.raises(ConfigurationError) as caught:
        parse("cameras: [{name: a, source: 'usb:0'}]\ngate: {window: 0.1s}\n", "f.yaml", {})
    text = 'found 0.1s; no two looks of "a", which are 0.2s apart, count together'
    assert caught.value.problems == [f"f.yaml:2: gate.window: {text}; allowed: at least 0.2s"]


def poster(votes: int, window: float, interval: float) -> tuple[str, ...]:
    """The reasons of the verdict on a masked face that never moves, before a camera with noise."""
    visitor = Visitor(GatePolicy(votes=votes, window=Seconds(window)))
    for number in range(LONG):
        change = None if number == 0 else 1.0
        seen = Evidence(sharpness=0.3, size=0.3, aspect=0.8, step=change, drift=change)
        at = Seconds(round(number * interval, 3))
        told = visitor.see(VisitorLook(at=at, label="mask", score=0.9, box=Box(0, 0, 100, 100), evidence=seen))
        if told is not None:
            return told.reasons
    raise AssertionError("no verdict")


@pytest.mark.parametrize("window", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("share", [0.1, 0.25, 0.3, 0.33, 0.34, 0.4, 0.5])
def test_check_warns_exactly_where_a_poster_would_pass(share: float, window: float, tmp_path: Path) -> None:
    interval = round(share * window, 3)
    text = config(None, window, interval).replace(", still: ignore", "")
    found = remarks(text, tmp_path)
    assert bool(found) == (poster(5, window, interval) != ("still",))
    assert all("gate.still does nothing there" in sentence for sentence in found)


def test_looks_of_a_room_may_be_far_apart() -> None:
    assert is_taken("cameras: [{name: a, source: 'usb:0', interval: 10s, role: cctv}]\n")
