"""Whatever a body is, it is a picture or a problem of whoever sent it."""

from hypothesis import example, given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from tests.web.pictures import BOUNDARY, FORM, form, jpeg, png

from edge_mask.web.upload import picture_in

KINDS = st.sampled_from(
    [FORM, "multipart/form-data", "image/jpeg", "image/png", "text/plain", 'multipart/form-data; boundary="']
)
PIECES = st.sampled_from(
    [b"--", b"\r\n", b"\r\n\r\n", BOUNDARY.encode(), b"Content-Disposition: form-data; name=file", b":", b'"', b";",
     b"\0", b"filename*=utf-8''%ff", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"x" * 100]
)  # fmt: skip


def outcome(kind: str, body: bytes) -> bytes | int:
    try:
        return picture_in(kind, body)
    except HTTPException as error:
        return error.status_code


@given(KINDS, st.lists(PIECES, max_size=30).map(b"".join))
@example(FORM, f"--{BOUNDARY}".encode())
@example(FORM, f"--{BOUNDARY}--".encode())
@example(FORM, f"--{BOUNDARY}\r\n\r\n--{BOUNDARY}--".encode())
def test_any_body_is_a_picture_or_a_problem(kind: str, body: bytes) -> None:
    assert isinstance(outcome(kind, body), bytes) or outcome(kind, body) in (400, 413, 415, 422)


@given(st.data())
def test_a_form_that_was_damaged_anywhere_is_a_picture_or_a_problem(data: st.DataObject) -> None:
    whole = form(("file", jpeg()[:200]))
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = whole[:at] + data.draw(st.binary(max_size=3)) + whole[at + data.draw(st.integers(0, 3)) :]
    assert isinstance(outcome(FORM, damaged), bytes) or outcome(FORM, damaged) in (400, 413, 415, 422)


@given(st.integers(0, 10_000))
def test_a_form_that_was_cut_off_is_no_picture(missing: int) -> None:
    whole = form(("file", png()))
    cut = whole[: max(0, len(whole) - 4 - missing)]  # up to the closing hyphens and the line end behind them
    assert outcome(FORM, cut) == 400


@given(st.binary(max_size=300).filter(lambda each: BOUNDARY.encode() not in each))
def test_what_lies_in_a_form_comes_out_as_it_was(content: bytes) -> None:
    picture = jpeg() + content
    assert outcome(FORM, form(("file", picture))) == picture
