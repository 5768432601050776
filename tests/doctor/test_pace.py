"""Whether the model keeps up with the cameras, as `check` says it."""

import pytest

from edge_mask.doctor.pace import pace
from edge_mask.settings.cameras import Camera
from edge_mask.units import Seconds


def cameras(*intervals: float, source: str = "usb:0") -> list[Camera]:
    return [
        Camera(name=f"c{number}", source=source, interval=Seconds(interval))
        for number, interval in enumerate(intervals)
    ]


@pytest.mark.parametrize(
    ("intervals", "look", "is_told"),
    [
        ((0.2,), 0.1, False),
        ((0.2, 0.2), 0.1, True),
        ((0.2, 10.0), 0.1, False),
        ((0.0, 0.2), 0.1, False),
        ((), 9, False),
    ],
)
def test_cameras_that_ask_for_more_than_the_model_makes_are_a_warning(
    intervals: tuple[float, ...], look: float, is_told: bool
) -> None:
    found = pace(cameras(*intervals), Seconds(look))
    assert [finding.state for finding in found] == ["warning"] * is_told


def test_the_warning_says_how_much_too_much_it_is() -> None:
    [finding] = pace(cameras(0.2, 0.1), Seconds(0.25))
    assert finding.text.startswith("the cameras ask for 15 looks a second, and one look takes 250 ms here:")


def test_films_and_folders_wait_and_ask_for_nothing() -> None:
    assert not pace(cameras(0.01, source="images:folder"), Seconds(1.0))
