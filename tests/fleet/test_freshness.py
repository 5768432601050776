"""How old a frame is when nobody's clock is believed."""

from datetime import UTC, datetime

from edge_mask.fleet.frames.freshness import Freshness
from edge_mask.units import Moment, Seconds, Unix

NOON = 1_900_000_000.0


def ts(seconds: float) -> str:
    return datetime.fromtimestamp(NOON + seconds, UTC).isoformat()


def at(seconds: float, *, wrong: float = 0.0) -> Moment:
    return Moment(Seconds(seconds), Unix(NOON + seconds + wrong))


def test_a_clock_that_is_an_hour_off_makes_no_frame_old() -> None:
    fresh = Freshness()
    assert [fresh.age("a", ts(n), at(n + 0.02, wrong=3600)) for n in range(20)] == [0.0] * 20


def test_what_comes_later_than_the_fastest_is_that_old() -> None:
    fresh = Freshness()
    fresh.age("a", ts(0), at(0.01))
    assert 1.9 < fresh.age("a", ts(1), at(3)) < 2.1
    assert fresh.age("b", ts(1), at(3)) == 0.0, "another sender"


def test_a_clock_that_is_set_back_is_found_out() -> None:
    fresh = Freshness()
    fresh.age("a", ts(0), at(0, wrong=-3600))
    fresh.age("a", ts(1), at(1))
    ages = [fresh.age("a", ts(n), at(n)) for n in range(2, 15)]
    assert ages[0] > 1
    assert ages[-1] == 0.0


def test_nonsense_is_not_old() -> None:
    fresh = Freshness()
    for words in ("", "noon", "x" * 10_000, "2026-99-99T00:00:00Z", "9" * 40):
        assert fresh.age("a", words, at(0)) == 0.0


def test_thousands_of_senders_do_not_fill_the_memory() -> None:
    fresh = Freshness()
    for number in range(5000):
        fresh.age(f"sender {number}", ts(0), at(0))
    assert len(fresh) <= 256
