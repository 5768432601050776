"""Ids that sort by time."""

import threading
import uuid
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_mask.units import Moment, Seconds, Unix
from edge_mask.wire.uuid7 import IdMaker, uuid7


def moment(wall: float) -> Moment:
    return Moment(Seconds(0.0), Unix(wall))


def test_the_example_of_the_standard() -> None:
    """RFC 9562, appendix A.6."""
    assert str(uuid7(0x017F22E279B0, 0xCC3 << 62 | 0x18C4DC0C0C07398F)) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**74 - 1))
def test_version_variant_and_time_stand_where_they_belong(milliseconds: int, random: int) -> None:
    made = uuid7(milliseconds, random)
    assert (made.version, made.variant, made.int >> 80) == (7, uuid.RFC_4122, milliseconds)
    assert (made.int >> 64 & 0xFFF) << 62 | made.int & (1 << 62) - 1 == random


def test_the_time_is_the_moment_of_the_event() -> None:
    made = uuid.UUID(IdMaker().make(moment(1_790_000_000.123)))
    assert made.int >> 80 == 1_790_000_000_123


@given(st.lists(st.floats(0, 9.9), min_size=2, max_size=50))
def test_ids_grow_within_a_millisecond_and_when_the_clock_steps_back_a_little(offsets: list[float]) -> None:
    maker = IdMaker()
    made = [maker.make(moment(1_790_000_000.0 + offset)) for offset in offsets]
    assert all(first < second for first, second in pairwise(made))


def test_ids_grow_when_the_random_part_runs_over() -> None:
    maker = IdMaker(randomness=lambda count: b"\xff" * count)
    made = [maker.make(moment(1.0))]
    maker._random = 2**74 - 2
    made += [maker.make(moment(1.0)), maker.make(moment(1.0))]
    assert made == sorted(set(made))


def test_a_clock_set_back_by_hours_is_believed() -> None:
    maker = IdMaker()
    maker.make(moment(1_790_000_000.0))
    assert uuid.UUID(maker.make(moment(1_780_000_000.0))).int >> 80 == 1_780_000_000_000


@pytest.mark.parametrize("wall", [-5.0, 0.0])
def test_a_clock_before_1970_makes_ids_too(wall: float) -> None:
    assert uuid.UUID(IdMaker().make(moment(wall))).version == 7


def test_threads_never_get_the_same_id() -> None:
    maker, found = IdMaker(), list[str]()

    def work() -> None:
        found.extend([maker.make(moment(1.0)) for _ in range(2000)])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 8000
