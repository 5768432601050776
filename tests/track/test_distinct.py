"""One person, one face."""

from hypothesis import given
from hypothesis import strategies as st

from edge_mask.messages import Box, Face
from edge_mask.track.tracker import distinct


def face(x: float, y: float, size: float, score: float = 0.9, label: str = "mask") -> Face:
    return Face(label, score, Box(x, y, size, size))


def test_a_face_given_in_two_sizes_is_taken_once_with_the_better_score() -> None:
    small, large = face(264, 147, 115, 0.55), face(241, 103, 165, 0.51)
    assert distinct([small, large]) == [small]
    assert distinct([large, small]) == [small]


def test_a_face_given_with_two_labels_is_taken_once() -> None:
    assert distinct([face(0, 0, 100, 0.6, "mask"), face(2, 2, 98, 0.7, "incorrect")]) == [
        face(2, 2, 98, 0.7, "incorrect")
    ]


def test_two_people_side_by_side_stay_two_though_their_boxes_overlap() -> None:
    people = [face(0, 0, 100), face(60, 0, 100), face(300, 0, 40)]
    assert distinct(people) == people


FACES = st.lists(
    st.builds(face, *[st.floats(0, 300)] * 2, st.floats(1, 200), st.floats(0.1, 1.0), st.sampled_from("mn")), max_size=8
)


@given(FACES)
def test_what_is_left_is_distinct_and_keeps_its_order(faces: list[Face]) -> None:
    left = distinct(faces)
    assert distinct(left) == left
    rest = iter(faces)
    assert all(any(each is other for other in rest) for each in left)
    assert bool(left) == bool(faces)
