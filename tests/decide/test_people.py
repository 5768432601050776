"""One person stays one where tracks break; two stay two."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.decide.scenes import LABELS, at, sight, track, verdicts, visits

from edge_mask.decide import GateWatch
from edge_mask.decide.people import People
from edge_mask.messages import MASK, NO_MASK, Box, Event, Face
from edge_mask.track import Tracker
from edge_mask.units import Seconds

Row = Mapping[int, float | tuple[float, float]]
"""Place of each track's face, 100 pixels wide; or place and size."""
NOBODY: Row = {}


def persons(rows: Sequence[Row], every: float = 0.2, within: float = 1.5) -> list[list[int]]:
    people = People(Seconds(within))
    told = []
    for number, row in enumerate(rows):
        places = {track_id: place if isinstance(place, tuple) else (place, 100.0) for track_id, place in row.items()}
        tracks = [track(MASK, track_id, x=x, size=size) for track_id, (x, size) in places.items()]
        found = people.recognise(tracks, at(number * every))
        told.append([found[each.id] for each in tracks])
    return told


@pytest.mark.parametrize(
    ("what", "rows", "last"),
    [
        ("comes back at the same place", [{1: 200}, NOBODY, {2: 200}], [1]),
        ("the box jumps", [{1: 200}, {2: 340}], [1]),
        ("it jumps too far", [{1: 200}, {2: 360}], [2]),
        ("comes back nearer to the camera", [{1: 200}, NOBODY, {2: (180, 190)}], [1]),
        ("somebody far behind is not them", [{1: 200}, NOBODY, {2: (230, 45)}], [2]),
        ("hidden for 1.4 s", [{1: 200}] + [NOBODY] * 6 + [{2: 200}], [1]),
        ("hidden for 1.6 s", [{1: 200}] + [NOBODY] * 7 + [{2: 200}], [2]),
        ("breaks twice", [{1: 200}, {2: 320}, {3: 200}], [1]),
        ("the other one, who was there before, is not them", [{1: 200, 2: 300}, {2: 220}], [2]),
        ("and somebody new beside them is new", [{1: 200}, {1: 200, 2: 210}], [1, 2]),
        ("two vanished, one comes back between them", [{1: 200, 2: 300}, NOBODY, {3: 250}], [3]),
        ("two vanished, one comes back at a place", [{1: 200, 2: 400}, NOBODY, {3: 210}], [1]),
        ("two vanished, both come back", [{1: 200, 2: 400}, NOBODY, {3: 410, 4: 190}], [2, 1]),
        ("one vanished, two come", [{1: 200}, NOBODY, {2: 150, 3: 250}], [2, 3]),
        ("the old track is back beside the new one", [{1: 200}, {2: 320}, {1: 200, 2: 320}], [2, 1]),
    ],
)
def test_tracks_and_persons_as_a_table(what: str, rows: Sequence[Row], last: list[int]) -> None:
    assert persons(rows)[-1] == last, what


def test_who_takes_over_has_the_votes_and_what_was_said() -> None:
    """Refused, hidden; the new track goes on, and passes as a second attempt."""
    watch, events = GateWatch("front"), list[Event]()
    for number, (track_id, letter) in enumerate([(1, "N")] * 6 + [(0, ".")] * 4 + [(2, "M")] * 25):
        seen = [] if letter == "." else [track(LABELS[letter], track_id)]
        events += watch.observe(sight(seen, number * 0.2))
    assert verdicts(events) == ["no_pass no_mask", "pass"]
    assert [visit.track for visit in visits(events)] == [1, 2]


def test_votes_from_before_the_break_count() -> None:
    watch, events = GateWatch("front"), list[Event]()
    for number, track_id in enumerate([1, 1, 1, 0, 2, 2]):
        events += watch.observe(sight([track(MASK, track_id)] if track_id else [], number * 0.2))
    assert verdicts(events) == ["pass"]


@pytest.mark.parametrize("step", [25.0, 40.0, 60.0])
def test_two_who_cross_are_two_with_their_own_verdicts(step: float) -> None:
    """Through the real tracker: the one behind is hidden for some looks."""
    tracker, watch, events = Tracker(), GateWatch("front"), list[Event]()
    for number in range(60):
        left, right = 20.0 + step * number / 2, 520.0 - step * number / 2
        faces = [Face(MASK, 0.9, Box(left, 150.0, 120.0, 120.0))]
        if abs(left - right) > 60:
            faces.append(Face(NO_MASK, 0.9, Box(right, 160.0, 90.0, 90.0)))
        faces = [face for face in faces if 0 <= face.box.x <= 520]
        events += watch.observe(sight(tracker.update(faces, at(number * 0.2)), number * 0.2))
    assert sorted(verdicts(events)) == ["no_pass no_mask", "pass"]


places = st.floats(0.0, 540.0)


@given(st.lists(st.dictionaries(st.integers(1, 6), places, max_size=4), max_size=30))
def test_a_person_is_never_two_in_one_look(rows: list[Row]) -> None:
    for row, found in zip(rows, persons(rows), strict=True):
        assert len(set(found)) == len(row)
