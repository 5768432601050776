"""Votes over frames: a flickering label is no decision, a clear one is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_mask.messages import INCORRECT, MASK, NO_MASK
from edge_mask.track import Ballot, VotePolicy
from edge_mask.units import Seconds

LABELS = {"M": MASK, "N": NO_MASK, "I": INCORRECT}
POLICY = VotePolicy(needed=5, window=Seconds(2.0))


def ballot(votes: str, every: float = 0.2) -> Ballot:
    """One letter per frame."""
    cast = Ballot(POLICY)
    for number, letter in enumerate(votes):
        cast.add(LABELS[letter], 0.9, Seconds(number * every))
    return cast


@pytest.mark.parametrize(
    ("votes", "every", "label"),
    [
        ("", 0.2, None),
        ("MMMM", 0.2, None),  # too few
        ("MMMMM", 0.2, MASK),
        ("NNNNN", 0.2, NO_MASK),
        ("MMNMM", 0.2, None),  # one frame flickers: a lead of three may be chance
        ("MMNMMM", 0.2, None),
        ("MMNMMMM", 0.2, MASK),  # a lead of five
        ("NININ", 0.2, NO_MASK),  # whatever is no mask stands together; the commonest says why
        ("MNMNMN", 0.2, None),  # a tie
        ("MNIMNI", 0.2, None),  # nobody has a majority
        ("MMIINMM", 0.2, None),  # 4 of 7 is not clear enough
        ("NNNNNMMMMMMMMMMM", 0.2, MASK),  # what is older than the window is forgotten
        ("MMM", 1.0, MASK),  # a slow device: a full window, and all agree
        ("MM", 1.0, None),
        ("MNM", 1.0, None),
        ("MMMMM", 3.0, None),  # slower than any window
    ],
)
def test_votes_as_a_table(votes: str, every: float, label: str | None) -> None:
    majority = ballot(votes, every).majority()
    assert (None if majority is None else majority.label) == label


@pytest.mark.parametrize(
    ("votes", "label"),
    [("MMNMM", MASK), ("MMNMN", None), ("NNM", None), ("NINI", NO_MASK), ("MMM", MASK), ("MM", None)],
)
def test_a_lead_of_three_is_enough_when_it_is_late(votes: str, label: str | None) -> None:
    majority = ballot(votes, 0.2).majority(is_late=True)
    assert (None if majority is None else majority.label) == label


def test_votes_are_kept_for_as_long_as_is_told() -> None:
    cast = Ballot(POLICY)
    cast.keep(Seconds(4.0))
    for number, letter in enumerate("MMMNMNMNMNMNMMM"):
        cast.add({"M": MASK, "N": NO_MASK}[letter], 0.9, Seconds(number * 0.25))
    assert cast.tally() == {MASK: 10, NO_MASK: 5}
    assert cast.majority() is not None
    cast.keep(Seconds(2.0))
    cast.add(MASK, 0.9, Seconds(3.75))
    assert cast.majority() is None


def test_the_score_is_the_mean_of_the_votes_for_the_winner() -> None:
    cast = Ballot(POLICY)
    for number, (label, score) in enumerate([(MASK, 0.9), (MASK, 0.8), (NO_MASK, 0.1), (MASK, 0.7), (MASK, 0.6)]):
        cast.add(label, score, Seconds(number * 0.1))
    majority = cast.majority(is_late=True)
    assert majority is not None
    assert majority.score == pytest.approx(0.75)


def test_the_tally_counts_the_window_only() -> None:
    assert ballot("MMNN", every=1.0).tally() == {MASK: 1, NO_MASK: 2}


@given(st.lists(st.sampled_from("MNI"), max_size=30), st.floats(0.01, 1.0))
def test_a_decision_always_has_a_clear_majority_of_enough_votes(votes: list[str], every: float) -> None:
    cast = ballot("".join(votes), every)
    majority = cast.majority()
    if majority is not None:
        tally = cast.tally()
        won = sum(count for label, count in tally.items() if (label == MASK) == (majority.label == MASK))
        assert won > sum(tally.values()) / 2
        assert 2 * won - sum(tally.values()) >= POLICY.few
        assert sum(tally.values()) >= POLICY.few
