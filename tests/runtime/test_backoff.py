"""Full jitter, capped, and only a lasting success makes it short again."""

import random

from hypothesis import given
from hypothesis import strategies as st

from edge_mask.runtime.outage import Backoff


@given(st.integers(0, 2**32), st.integers(1, 100))
def test_delays_stay_between_zero_and_the_doubling_bound(seed: int, count: int) -> None:
    backoff = Backoff(base=0.5, cap=60.0, rng=random.Random(seed))
    for n in range(count):
        assert 0.0 <= backoff.next_delay() <= min(60.0, 0.5 * 2 ** min(n, 30))


def test_a_connection_that_lasted_makes_the_next_delay_short() -> None:
    backoff = Backoff(base=1.0, cap=60.0, settled_after=10.0, rng=random.Random(1))
    for _ in range(10):
        backoff.next_delay()
    backoff.succeeded(lasted=11.0)
    assert backoff.next_delay() <= 1.0


def test_a_takeover_right_after_each_connect_keeps_the_delays_growing() -> None:
    backoff = Backoff(base=1.0, cap=64.0, settled_after=10.0, rng=random.Random(1))
    bounds = []
    for _ in range(12):
        bounds.append(backoff.next_delay())
        backoff.succeeded(lasted=1.0)
    assert max(bounds[6:]) > 8.0
