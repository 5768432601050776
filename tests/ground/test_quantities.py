"""Durations, sizes and rates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_mask.quantities import Measure, duration, rate, size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0.2s", 0.2), ("50ms", 0.05), ("5m", 300.0), ("2h", 7200.0), ("30d", 2592000.0), ("0s", 0.0), (" 3 s ", 3.0)],
)
def test_a_duration_is_read_as_people_write_it(text: str, seconds: float) -> None:
    assert duration().read(text) == pytest.approx(seconds)


@pytest.mark.parametrize(("value", "seconds"), [(3, 3.0), (0.25, 0.25), ("7", 7.0)])
def test_a_plain_number_is_seconds(value: object, seconds: float) -> None:
    assert duration().read(value) == seconds


@pytest.mark.parametrize(
    ("text", "count"), [("256MB", 256_000_000), ("1GiB", 2**30), ("1kB", 1000), ("1.5KiB", 1536), (12, 12)]
)
def test_sizes_know_powers_of_1000_and_of_1024(text: object, count: int) -> None:
    assert size().read(text) == count


@pytest.mark.parametrize(("text", "per_second"), [("100/s", 100.0), ("30/m", 0.5), ("30/min", 0.5), (7, 7.0)])
def test_rates_are_kept_per_second(text: object, per_second: float) -> None:
    assert rate(0.1).read(text) == pytest.approx(per_second)


@pytest.mark.parametrize(
    "value", ["3 parsecs", "-1s", "1e3s", "s", "", "1..2s", True, None, [], {}, float("nan"), float("inf"), "5 minutes"]
)
def test_what_is_no_duration_is_refused_with_what_is_allowed(value: object) -> None:
    with pytest.raises(ValueError, match=r"allowed: a duration such as 0\.2s, 5m or 30d"):
        duration().read(value)


def test_a_limit_is_named_when_it_is_broken() -> None:
    with pytest.raises(ValueError, match=r"1s is too small; allowed: .* from 5s to 20m"):
        duration(at_least=5, at_most=1200).read("1s")
    with pytest.raises(ValueError, match=r"1h is too large; allowed: .* from 5s to 20m"):
        duration(at_least=5, at_most=1200).read("1h")


@pytest.mark.parametrize(
    ("measure", "value", "said"),
    [
        (duration(at_least=86400), 7, r"^7 \(without a unit: 7s\) is too small"),
        (duration(at_least=86400), " 7 ", r"^ 7  \(without a unit: 7s\) is too small"),
        (duration(at_most=60), 3600, r"^3600 \(without a unit: 1h\) is too large"),
        (size(at_least=10**6), "256", r"^256 \(without a unit: 256B\) is too small"),
        (rate(0.1, 50), 100.0, r"^100\.0 \(without a unit: 100/s\) is too large"),
        (duration(at_least=1), 0, "^0 is too small"),
        (duration(at_least=86400), "7s", "^7s is too small"),
    ],
)
def test_a_number_without_a_unit_that_breaks_a_limit_is_told_as_what_it_was_taken(
    measure: Measure, value: object, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        measure.read(value)


@pytest.mark.parametrize("value", [10**400, 2**100_000, "9" * 400, float("inf")], ids=["digits", "bits", "text", "inf"])
def test_a_number_of_hundreds_of_digits_is_too_large_in_one_short_sentence(value: object) -> None:
    for measure in (duration(at_least=1), duration(at_most=5), size(), rate(0.1)):
        with pytest.raises(ValueError, match=r"is too large; allowed: a") as caught:
            measure.read(value)
        assert len(str(caught.value)) < 200
    with pytest.raises(ValueError, match=r"^a number of hundreds of digits is too small"):
        duration().read(-(10**400))


@given(st.integers(0, 10**9))
def test_what_is_shown_reads_as_the_same_size(count: int) -> None:
    assert size().read(size().show(count)) == count


@given(st.integers(0, 10**8).map(lambda milliseconds: milliseconds / 1000))
def test_what_is_shown_reads_as_the_same_duration(seconds: float) -> None:
    assert duration().read(duration().show(seconds)) == pytest.approx(seconds)
