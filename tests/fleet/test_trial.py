"""A new model beside the old one: what makes it refused, what it may take, and that nobody waits for it."""

import numpy as np
import pytest

from edge_mask.detect.detector import Answer
from edge_mask.fleet.model.tap import MOST_IN_A_ROW, Look, Tap, Tapped
from edge_mask.fleet.model.trial import ENOUGH, LONGEST, Trial
from edge_mask.messages import Box, Face, Image
from edge_mask.units import Seconds

PICTURE: Image = np.zeros((8, 8, 3), np.uint8)
HERE, THERE = Box(0, 0, 4, 4), Box(4, 4, 4, 4)


def faces(*labels: str, box: Box = HERE) -> list[Face]:
    return [Face(label, 0.9, box) for label in labels]


class Scripted:
    """A detector that answers as it is told, and takes as long."""

    name, labels = "scripted 1", ("mask", "no_mask")

    def __init__(self, watch: "Watch", answer: Answer | Exception, takes: float = 0.01) -> None:
        self.watch, self.answer, self.takes = watch, answer, takes

    def look(self, image: Image) -> Answer:
        self.watch.now += self.takes
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def close(self) -> None: ...


class Watch:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def trial(new: Answer | Exception, old: Answer, *, looks: int = 20, takes: float = 0.01) -> Trial:
    watch = Watch()
    made = Trial(
        Scripted(watch, new, takes), Scripted(watch, old), 0.0, Seconds(60.0), slower=2.0, cpu=watch, wall=watch
    )
    for _ in range(looks):
        made.look(Look(PICTURE, old))
    return made


def test_one_that_says_the_same_is_good() -> None:
    same = Answer(faces("mask"), 1.0)
    assert trial(same, same).verdict(60.0) == ""
    assert trial(same, same).verdict(59.0) is None


@pytest.mark.parametrize(
    ("new", "takes", "sentence"),
    [
        (Answer(faces("no_mask"), 1.0), 0.01, "it says otherwise of 20 of 20 faces"),
        (Answer([], 1.0), 0.01, "it has no answer for 20 of 20 faces"),
        (Answer(faces("mask", box=THERE), 1.0), 0.01, "it has no answer for 20 of 20 faces"),
        (Answer(faces("mask", "mask", "no_mask", "mask"), 1.0), 0.01, "it sees 60 faces"),
        (Answer([], 1.0, "NaN in output 0"), 0.01, "20 of 20 answers cannot be meant: NaN in output 0"),
        (RuntimeError("out of memory"), 0.01, "cannot be meant: RuntimeError: out of memory"),
        (Answer(faces("mask"), 1.0), 0.03, "it takes 30.0 ms for a picture of the cameras"),
    ],
    ids=["flips", "misses", "elsewhere", "invents", "NaN", "raises", "slow"],
)
def test_what_makes_it_refused(new: Answer | Exception, takes: float, sentence: str) -> None:
    found = trial(new, Answer(faces("mask"), 1.0), takes=takes).verdict(60.0)
    assert found is not None
    assert sentence in found


def test_broken_answers_end_it_early() -> None:
    made = trial(Answer([], 1.0, "NaN"), Answer([], 1.0), looks=3)
    assert made.verdict(0.1)


def test_a_few_faces_say_nothing() -> None:
    assert trial(Answer(faces("no_mask"), 1.0), Answer(faces("mask"), 1.0), looks=5).verdict(60.0 * LONGEST) == ""


def test_it_waits_for_cameras_that_see_nothing_but_not_for_ever() -> None:
    made = trial(Answer([], 1.0), Answer([], 1.0), looks=ENOUGH - 1)
    assert made.verdict(61.0) is None
    assert made.verdict(60.0 * LONGEST) == ""


def test_it_takes_at_most_a_fifth_of_a_processor() -> None:
    made = trial(Answer([], 1.0), Answer([], 1.0), looks=1)
    assert made.next_at == pytest.approx(0.02 * 5)


def test_the_newest_look_replaces_one_that_nobody_took() -> None:
    tap, rung = Tap(), []
    lane = Tapped(Scripted(Watch(), Answer(faces("mask"), 1.0)), tap)
    lane.look(PICTURE)
    assert tap.take() is None, "nobody looks beside"
    tap.open(lambda: rung.append(1))
    newest: Image = np.ones((8, 8, 3), np.uint8)
    lane.look(PICTURE)
    lane.look(newest)
    found = tap.take()
    assert found is not None
    assert found.image is newest
    assert tap.take() is None
    assert rung == [1, 1]
    tap.close()
    lane.look(PICTURE)
    assert tap.take() is None


def test_a_model_whose_answers_cannot_be_meant_is_told_of() -> None:
    tap = Tap()
    good, bad = Answer([], 1.0), Answer([], 1.0, "NaN")
    for answer in [bad, bad, good] * MOST_IN_A_ROW:
        tap.note(PICTURE, answer)
    assert not tap.trouble
    for _ in range(MOST_IN_A_ROW):
        tap.note(PICTURE, bad)
    assert "cannot be meant: NaN" in tap.trouble


def test_a_lane_that_raises_is_told_of_and_still_raises() -> None:
    tap = Tap()
    with pytest.raises(RuntimeError, match="out of memory"):
        Tapped(Scripted(Watch(), RuntimeError("out of memory")), tap).look(PICTURE)
    assert "RuntimeError: out of memory" in tap.trouble
