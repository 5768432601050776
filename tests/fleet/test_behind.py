"""When a device begins to give frames away, and when it stops."""

from dataclasses import replace
from itertools import pairwise

from edge_mask.fleet.frames.behind import Behind, Work
from edge_mask.units import Seconds

NOTHING = Work(handed_on=0, replaced=0, given=0, waited=0.0)


class Device:
    """A device over time: twenty frames a second."""

    def __init__(self, lanes: int = 1) -> None:
        self.behind = Behind(lanes)
        self.work, self.now = NOTHING, 0.0
        self.behind.observe(Seconds(0), NOTHING)

    def lives(self, seconds: float, *, replaced: float = 0, given: float = 0, idle: float = 0) -> list[bool]:
        """Shares of the frames, and of the time; what was said each second."""
        said = []
        for _ in range(round(seconds)):
            self.now += 1
            before = self.work
            self.work = replace(
                before,
                handed_on=before.handed_on + 20,
                replaced=before.replaced + round(20 * replaced),
                given=before.given + round(20 * given),
                waited=before.waited + idle,
            )
            said.append(self.behind.observe(Seconds(self.now), self.work))
        return said


def test_frames_that_are_replaced_make_it_fall_behind_within_seconds() -> None:
    assert Device().lives(3, replaced=0.5)[-1]


def test_a_frame_now_and_then_is_no_slow_device() -> None:
    assert not any(Device().lives(60, replaced=0.1))


def test_that_others_help_is_no_reason_to_stop() -> None:
    device = Device()
    device.lives(3, replaced=0.5)
    assert all(device.lives(120, given=0.5, idle=0.1))


def test_it_stops_when_its_own_model_would_manage_everything() -> None:
    device = Device()
    device.lives(3, replaced=0.5)
    said = device.lives(20, given=0.1, idle=0.5)
    assert not said[-1]
    assert said[3], "not at once"


def test_it_does_not_change_its_mind_at_every_moment() -> None:
    device, said = Device(), []
    for _ in range(20):
        said += device.lives(3, replaced=0.5)
        said += device.lives(3, given=0.4, idle=0.3)
    assert sum(one != next_one for one, next_one in pairwise(said)) == 1


def test_a_camera_with_a_long_interval_is_judged_over_more_time() -> None:
    behind = Behind(1)
    behind.observe(Seconds(0), NOTHING)
    one = Work(handed_on=2, replaced=1, given=0, waited=2.0)
    assert not behind.observe(Seconds(3), one)
    assert behind.observe(Seconds(31), replace(one, handed_on=4, replaced=3))
