"""Whatever another device answers is read or refused with a sentence."""

import json

from hypothesis import given
from hypothesis import strategies as st

from edge_mask.errors import Refused
from edge_mask.fleet.frames.answer import read_answer

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FACE = st.fixed_dictionaries(
    {"label": st.sampled_from(["mask", "no_mask", "incorrect", "king"]) | JSON, "score": st.floats() | JSON},
    optional={"box": st.fixed_dictionaries({name: st.floats() | JSON for name in "xywh"}) | JSON},
)
BODY = st.fixed_dictionaries(
    {"ok": st.booleans() | JSON, "by": st.text(max_size=8) | JSON},
    optional={"faces": st.lists(FACE, max_size=3) | JSON, "free": JSON, "inference_ms": JSON, "error": JSON},
)


@given(st.binary(max_size=200) | (BODY | JSON).map(lambda body: json.dumps(body).encode()))
def test_only_faces_inside_of_the_picture_are_believed(payload: bytes) -> None:
    try:
        answer = read_answer(payload, 64, 48)
    except Refused:
        return
    for face in answer.faces:
        box = face.box
        assert 0 <= box.x < box.x + box.w <= 64
        assert 0 <= box.y < box.y + box.h <= 48
        assert 0 <= face.score <= 1
        assert face.label in ("mask", "no_mask", "incorrect")
    assert answer.free >= 0
    assert not (answer.error and answer.faces)


def test_a_box_that_was_rounded_may_reach_a_little_beyond() -> None:
    face = {"label": "mask", "score": 1, "box": {"x": -0.4, "y": 0, "w": 65, "h": 48.3}}
    answer = read_answer(json.dumps({"ok": True, "by": "a", "faces": [face]}).encode(), 64, 48)
    assert (answer.faces[0].box.x, answer.faces[0].box.x + answer.faces[0].box.w) == (0.0, 64.0)
