"""Spans and sequences against the simplest thing that is right: sets of numbers."""

from hypothesis import given
from hypothesis import strategies as st

from edge_mask.sink import spans
from edge_mask.sink.sequences import FARTHEST, MOST_GAPS, Track

numbers = st.sets(st.integers(1, 40))


def as_spans(found: set[int]) -> list[spans.Span]:
    return spans.merged((each, each) for each in found)


def as_set(found: list[spans.Span]) -> set[int]:
    return {number for first, last in found for number in range(first, last + 1)}


@given(numbers, numbers)
def test_spans_are_sets(one: set[int], other: set[int]) -> None:
    assert as_set(as_spans(one)) == one
    assert spans.minus(as_spans(one), as_spans(other)) == as_spans(one - other)
    assert spans.common(as_spans(one), as_spans(other)) == as_spans(one & other)
    assert spans.merged([*as_spans(one), *as_spans(other)]) == as_spans(one | other)
    assert spans.size(as_spans(one)) == len(one)


@given(numbers, st.integers(1, 40))
def test_one_number_less(one: set[int], number: int) -> None:
    assert spans.without(as_spans(one), number) == as_spans(one - {number})


def name(seq: int, generation: int = 0) -> str:
    return f"{generation:04}-{seq:04}"


def taken(order: list[int], generation: int = 0) -> Track:
    first, *others = order
    track = Track.begin(first, name(first, generation))
    for seq in others:
        track.take(seq, name(seq, generation))
    return track


@given(st.lists(st.integers(1, 30), min_size=1))
def test_in_any_order_and_any_number_of_times_the_gaps_are_what_is_missing(order: list[int]) -> None:
    track = taken(order)
    seen = set(order)
    assert track.upto == max(seen)
    missing = {n for n in range(order[0], max(seen)) if n not in seen}
    assert as_set(track.gaps) == missing
    assert track.lost == []


@given(st.lists(st.integers(1, 30), min_size=1), st.lists(st.integers(1, 30), min_size=1), st.lists(st.integers(1, 30)))
def test_two_stores_know_together_what_either_knows(one: list[int], other: list[int], lost: list[int]) -> None:
    mine, theirs = taken(sorted(one)), taken(sorted(other))
    theirs.give_up(as_spans(set(lost)))
    given_up = as_set(theirs.lost)
    mine.join(theirs)
    seen = set(one) | set(other)
    missing = {n for n in range(min(seen), max(seen)) if n not in seen}
    assert (mine.first, mine.upto) == (min(seen), max(seen))
    assert as_set(mine.lost) == missing & given_up
    assert as_set(mine.gaps) == missing - given_up
    assert mine.join(theirs) is False


def test_what_never_comes_is_no_gap_and_what_comes_all_the_same_is_none_either() -> None:
    track = taken([1, 5])
    track.give_up([(2, 3)])
    assert (track.gaps, track.lost) == ([(4, 4)], [(2, 3)])
    track.take(3, name(3))
    assert (track.gaps, track.lost) == ([(4, 4)], [(2, 2)])


def test_a_device_whose_database_was_made_anew_counts_from_one() -> None:
    track = taken([100, 101, 105])
    assert track.take(102, name(102))  # an old one
    assert track.take(100, name(3, generation=1)), "younger than all, and there already"
    assert (track.first, track.upto, track.gaps) == (1, 100, [(1, 99)])
    track = taken([1, 2, 3, 4, 5])
    track.take(1, name(1, generation=1))
    track.take(2, name(2, generation=1))
    assert (track.upto, track.gaps) == (2, [])


def test_a_message_that_comes_twice_begins_nothing_anew() -> None:
    track = taken([7, 8, 9])
    for seq in (9, 8, 7, 9):
        assert not track.take(seq, name(seq))
    assert (track.first, track.upto, track.gaps) == (7, 9, [])


def test_a_clock_that_was_set_back_begins_nothing_anew() -> None:
    track = Track.begin(7, "b7")
    track.take(8, "a8")
    assert not track.take(7, "b7")
    assert (track.first, track.upto) == (7, 8)


def test_a_device_that_lost_count_and_jumps_far_is_not_asked_for_all_between() -> None:
    track = taken([1])
    track.take(FARTHEST + 10, name(2))
    assert (track.gaps, track.lost) == ([], [(2, FARTHEST + 9)])


def test_gaps_without_end_are_bounded_and_the_oldest_are_given_up() -> None:
    track = taken(list(range(1, 4 * MOST_GAPS, 2)))
    assert len(track.gaps) == MOST_GAPS
    assert track.gaps[-1][0] > track.lost[-1][0]


def test_a_topic_of_which_every_second_number_is_missing_holds_nobody_up() -> None:
    """As of a rule that copies some of the messages: each one used to cost the square of the gaps, in the writer."""
    found = Track.begin(1, "0")
    for seq in range(3, 20_003, 2):
        found.take(seq, "0")
    assert (found.upto, len(found.gaps), found.gaps[0], len(found.lost)) == (20_001, 1000, (18_002, 18_002), 1000)
