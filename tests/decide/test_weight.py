"""A poor look counts less, and none decides alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_mask.decide.look import Evidence
from edge_mask.decide.weight import FLOOR, weigh
from edge_mask.messages import MASK, NO_MASK
from edge_mask.track import Ballot, VotePolicy
from edge_mask.units import Seconds

numbers = st.floats(0.0, 3.0)


@pytest.mark.parametrize(
    ("what", "evidence", "weight"),
    [
        ("a good look", Evidence(0.4, 0.3, 0.85), 1.0),
        ("half as far away as is allowed", Evidence(0.4, 0.24, 0.85), 1.0),
        ("as far away as is allowed", Evidence(0.4, 0.12, 0.85), 0.5),
        ("blurred", Evidence(0.05, 0.3, 0.85), 0.5),
        ("a little blurred", Evidence(0.165, 0.3, 0.85), 0.75),
        ("a profile", Evidence(0.4, 0.3, 0.45), 0.5),
        ("bent down", Evidence(0.4, 0.3, 1.5), 0.5),
        ("all of it", Evidence(0.0, 0.1, 0.4), FLOOR),
        ("nothing is known", None, 1.0),
    ],
)
def test_weights_as_a_table(what: str, evidence: Evidence | None, weight: float) -> None:
    assert weigh(evidence, 0.12) == weight, what


@given(st.builds(Evidence, numbers, numbers, numbers), st.floats(0.0, 1.0))
def test_a_weight_lies_between_the_floor_and_one(evidence: Evidence, min_face: float) -> None:
    assert FLOOR <= weigh(evidence, min_face) <= 1.0


def cast(*votes: tuple[str, float]) -> str | None:
    ballot = Ballot(VotePolicy())
    for number, (label, weight) in enumerate(votes):
        ballot.add(label, 0.9, Seconds(number * 0.2), weight)
    majority = ballot.majority()
    return None if majority is None else majority.label


@pytest.mark.parametrize(
    ("what", "votes", "label"),
    [
        ("one good look against four poor ones", [(MASK, 1.0)] + [(NO_MASK, FLOOR)] * 4, None),
        ("two of them", [(MASK, 1.0)] * 2 + [(NO_MASK, FLOOR)] * 3, None),
        ("six of them", [(MASK, 1.0)] * 6 + [(NO_MASK, FLOOR)] * 2, MASK),
        ("two poor ones err", [(MASK, 1.0)] * 6 + [(NO_MASK, 0.5)] * 2, MASK),
        ("two good ones do not", [(MASK, 1.0)] * 6 + [(NO_MASK, 1.0)] * 2, None),
        ("poor ones that agree", [(MASK, FLOOR)] * 5, MASK),
        ("one poor one less than enough", [(MASK, 1.0)] * 4, None),
    ],
)
def test_votes_are_weighed_as_a_table(what: str, votes: list[tuple[str, float]], label: str | None) -> None:
    assert cast(*votes) == label, what


@given(st.lists(st.tuples(st.sampled_from([MASK, NO_MASK]), st.floats(FLOOR, 1.0)), min_size=2, max_size=9))
def test_one_look_never_decides_against_the_others(votes: list[tuple[str, float]]) -> None:
    label = cast(*votes)
    if label is not None:
        assert 2 * sum(each == label for each, _ in votes) > len(votes)


def test_the_mean_score_is_weighed_too() -> None:
    ballot = Ballot(VotePolicy(needed=2))
    ballot.add(MASK, 0.9, Seconds(0.0), 1.0)
    ballot.add(MASK, 0.5, Seconds(0.2), 0.25)
    majority = ballot.majority()
    assert majority is not None
    assert majority.score == pytest.approx((0.9 + 0.25 * 0.5) / 1.25)


@given(st.lists(st.tuples(st.floats(0.0, 1.0), st.floats(FLOOR, 1.0)), min_size=5, max_size=40))
def test_what_came_before_the_window_leaves_no_trace(votes: list[tuple[float, float]]) -> None:
    """Not even in the last digit of a score."""
    fresh, old = Ballot(VotePolicy()), Ballot(VotePolicy())
    for number in range(50):
        old.add(MASK, 0.1 + number / 77, Seconds(number * 0.1 - 100.0), 0.3)
    for number, (score, weight) in enumerate(votes):
        fresh.add(MASK, score, Seconds(number * 0.1), weight)
        old.add(MASK, score, Seconds(number * 0.1), weight)
    assert fresh.majority() == old.majority()
