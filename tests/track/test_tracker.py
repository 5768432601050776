"""Who is who over frames: trajectories as tables."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.track.people import at, face

from edge_mask.messages import MASK, NO_MASK, Face
from edge_mask.track import Tracker, TrackPolicy, VotePolicy
from edge_mask.units import Seconds


def ids(frames: Sequence[Sequence[Face]], every: float = 0.1, policy: TrackPolicy | None = None) -> list[list[int]]:
    """The id of each face in each frame."""
    tracker = Tracker(policy)
    return [[track.id for track in tracker.update(faces, at(n * every))] for n, faces in enumerate(frames)]


@pytest.mark.parametrize(
    ("what", "frames", "every", "expected"),
    [
        ("stands still", [[face(0)], [face(1)], [face(0)]], 0.1, [[1], [1], [1]]),
        ("walks on", [[face(0)], [face(40)], [face(80)], [face(120)]], 0.1, [[1], [1], [1], [1]]),
        ("walks past a slow camera: no overlap", [[face(0)], [face(95)], [face(190)]], 0.5, [[1], [1], [1]]),
        ("jumps further than a face", [[face(0)], [face(250)]], 0.1, [[1], [2]]),
        ("is missed for some frames", [[face(0)], [], [], [face(10)]], 0.2, [[1], [], [], [1]]),
        ("is away for too long", [[face(0)], [], [], [face(10)]], 0.5, [[1], [], [], [2]]),
        ("stands before a slow device", [[face(0)], [face(5)], [face(0)]], 3.0, [[1], [1], [1]]),
        ("the camera was away for a while", [[face(0)], [face(0)]], 6.0, [[1], [2]]),
        ("two stand side by side", [[face(0), face(120)], [face(5), face(115)]], 0.1, [[1, 2], [1, 2]]),
        ("the detector names them the other way", [[face(0), face(300)], [face(300), face(0)]], 0.1, [[1, 2], [2, 1]]),
        ("a second one comes", [[face(0)], [face(0), face(300)]], 0.1, [[1], [1, 2]]),
        ("one leaves", [[face(0), face(300)], [face(300)]], 0.1, [[1, 2], [2]]),
        ("somebody far behind appears", [[face(0)], [face(20, size=40)]], 0.1, [[1], [2]]),
        ("comes nearer", [[face(0, size=60)], [face(-5, size=75)], [face(-15, size=95)]], 0.3, [[1], [1], [1]]),
    ],
)
def test_trajectories(what: str, frames: list[list[Face]], every: float, expected: list[list[int]]) -> None:
    assert ids(frames, every) == expected, what


def test_two_who_pass_each_other_at_different_heights_keep_their_names() -> None:
    left = [face(10.0 * n, y=100) for n in range(20)]
    right = [face(190.0 - 10.0 * n, y=190) for n in range(20)]
    assert ids([list(pair) for pair in zip(left, right, strict=True)]) == [[1, 2]] * 20


def test_an_id_is_never_used_again() -> None:
    frames = [[face(0)], [], [], [], [face(0)], [], [], [], [face(0)]]
    assert ids(frames, every=0.5) == [[1], [], [], [], [2], [], [], [], [3]]


def test_a_face_is_told_only_after_the_frames_that_must_show_it() -> None:
    policy = TrackPolicy(confirm_after=3)
    assert ids([[face(0)]] * 4, policy=policy) == [[], [], [1], [1]]


def test_a_track_says_what_the_frames_of_the_window_said() -> None:
    tracker = Tracker(votes=VotePolicy(window=Seconds(1.0)))
    for number, label in enumerate([NO_MASK, NO_MASK, MASK, MASK, MASK]):
        (track,) = tracker.update([face(0, label=label)], at(number * 0.4))
    assert track.votes == {MASK: 3}
    assert track.face.label == MASK
    assert (track.first, track.last) == (at(0.0), at(1.6))


def test_no_faces_and_no_tracks_is_nothing() -> None:
    tracker = Tracker()
    assert tracker.update([], at(0.0)) == []
    assert tracker.update([], at(1.0)) == []


PLACES = st.lists(
    st.builds(face, st.floats(0, 600), st.floats(0, 400), st.floats(20, 200), st.sampled_from([MASK, NO_MASK])),
    max_size=6,
    unique_by=lambda each: (each.box.x, each.box.y),
)


@given(st.lists(PLACES, max_size=6), st.randoms())
def test_who_is_who_does_not_depend_on_the_order_in_which_faces_are_found(
    frames: list[list[Face]], chance: random.Random
) -> None:
    straight, mixed = Tracker(), Tracker()
    for number, faces in enumerate(frames):
        shuffled = list(faces)
        chance.shuffle(shuffled)
        first = {track.face.box: track.id for track in straight.update(faces, at(number * 0.2))}
        second = {track.face.box: track.id for track in mixed.update(shuffled, at(number * 0.2))}
        assert first == second


@given(st.lists(PLACES, max_size=8), st.floats(0.01, 2.0))
def test_every_face_has_one_track_and_every_track_one_face(frames: list[list[Face]], every: float) -> None:
    tracker = Tracker()
    newest = 0
    for number, faces in enumerate(frames):
        tracks = tracker.update(faces, at(number * every))
        assert [track.face for track in tracks] == faces
        assert len({track.id for track in tracks}) == len(faces)
        fresh = [track.id for track in tracks if track.first == track.last]
        assert all(each > newest for each in fresh)
        newest = max([newest, *(track.id for track in tracks)])
