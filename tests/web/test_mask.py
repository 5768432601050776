"""`POST /mask/` in process: what is asked, and what comes back, before a model is asked."""

import gzip
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from tests.web import pictures
from tests.web.asking import Answer, Asking, asking, site
from tests.web.pictures import BOUNDARY, FORM, form, jpeg, png

from edge_mask.errors import ModelError, Refused, TryLater
from edge_mask.web.upload import MOST_BODY, MOST_PICTURE

SAID = {
    "verdict": "mask",
    "faces": [{"label": "mask", "score": 0.9, "box": {"x": 1.0, "y": 2.0, "w": 3.0, "h": 4.0}}],
    "counts": {"mask": 1},
    "inference_ms": 12.5,
    "model": "tiny 1.0",
}


class Model:
    """Looks at everything that comes, or fails."""

    def __init__(self, outcome: Mapping[str, Any] | Exception = SAID) -> None:
        self.seen: list[bytes] = []
        self._outcome = outcome

    def __call__(self, picture: bytes) -> "Future[Mapping[str, Any]]":
        self.seen.append(picture)
        future: Future[Mapping[str, Any]] = Future()
        if isinstance(self._outcome, Exception):
            future.set_exception(self._outcome)
        else:
            future.set_result(self._outcome)
        return future


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def program(tmp_path: Path, model: Model) -> Asking:
    return asking(site(tmp_path, look=model), bearer="infer")


def problem(answer: Answer, status: int) -> str:
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == status
    return str(told["detail"])


@pytest.mark.parametrize("path", ["/mask/", "/mask"])
@pytest.mark.parametrize(
    ("kind", "body"), [(FORM, form(("file", jpeg()))), ("image/jpeg", jpeg()), ("image/png", png())]
)
def test_a_picture_is_answered_with_its_verdict(
    program: Asking, model: Model, path: str, kind: str, body: bytes
) -> None:
    answer = program.post(path, body, content_type=kind)
    assert answer.status == 200, answer
    told = answer.json()
    assert told == {**{k: v for k, v in SAID.items() if k != "counts"}, "ispass": 1}
    assert model.seen[0] in (jpeg(), png())


@pytest.mark.parametrize(("verdict", "ispass"), [("mask", 1), ("no_mask", 0), ("incorrect", 0), ("nobody", 0)])
def test_only_a_mask_passes(tmp_path: Path, verdict: str, ispass: int) -> None:
    program = asking(site(tmp_path, look=Model({**SAID, "verdict": verdict})), bearer="infer")
    assert program.post("/mask/", jpeg(), content_type="image/jpeg").json()["ispass"] == ispass


@pytest.mark.parametrize(
    "filename", ["../../etc/cron.d/x", "/etc/passwd", "C:\\x.jpg", 'a"b.jpg', "ä\0.jpg", "x" * 4000]
)
def test_the_name_of_a_file_is_not_looked_at(program: Asking, model: Model, tmp_path: Path, filename: str) -> None:
    before = sorted(tmp_path.rglob("*"))
    answer = program.post("/mask/", form(("file", jpeg()), filename=filename), content_type=FORM)
    assert answer.status == 200
    assert model.seen == [jpeg()]
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("kind", "body", "status", "word"),
    [
        (FORM, form(("file", b"")), 400, "0 bytes"),
        ("image/jpeg", b"", 400, "0 bytes"),
        (FORM, b"", 400, "boundary is missing"),
        (FORM, b"--another\r\n\r\n\r\n--another--", 400, "boundary is missing"),
        (FORM, form(("file", jpeg()), closing=False), 400, "cut off"),
        (FORM, form(("file", jpeg()))[:-4], 400, "cut off"),
        (FORM, form(("file", jpeg()))[:200], 400, "cut off"),
        (FORM, form(("file", jpeg()), ("file", jpeg())), 400, "several"),
        (FORM, form(("file", jpeg()), ("more", b"x")), 400, "several"),
        (FORM, f"--{BOUNDARY}\r\nno headers\r\n--{BOUNDARY}--".encode(), 400, "headers"),
        (FORM, form(("file", jpeg()), filename="x" * 9000), 400, "headers"),
        ("multipart/form-data", form(("file", jpeg())), 400, "boundary"),
        (f"multipart/form-data; boundary={'x' * 71}", form(("file", jpeg())), 400, "boundary"),
        (FORM, form(("picture", jpeg())), 422, "no field file"),
        (FORM, form(("FILE", jpeg())), 422, "no field file"),
        (FORM, f"--{BOUNDARY}--\r\n".encode(), 422, "no field"),
        (FORM, f"--{BOUNDARY}\r\nX: y\r\n\r\nabc\r\n--{BOUNDARY}--".encode(), 422, "no field file"),
        ("text/plain", jpeg(), 415, "Content-Type"),
        ("", jpeg(), 415, "Content-Type"),
        ("application/x-www-form-urlencoded", b"file=abc", 415, "Content-Type"),
        ("image/gif", b"GIF89a", 415, "Content-Type"),
        ("image/jpeg", b"GIF89a" + bytes(100), 415, "JPEG and PNG"),
        ("image/png", b"<svg onload=alert(1)>", 415, "JPEG and PNG"),
        ("image/jpeg", pictures.encoded(".bmp"), 415, "JPEG and PNG"),
        ("image/jpeg", pictures.encoded(".webp"), 415, "JPEG and PNG"),
        ("image/jpeg", pictures.encoded(".tiff"), 415, "JPEG and PNG"),
        ("image/jpeg", jpeg()[:30], 400, "header"),
        ("image/png", png()[:20], 400, "header"),
        ("image/png", pictures.bomb_png(0, 5), 400, "header"),
        ("image/png", pictures.bomb_png(50_000, 50_000), 413, "50000 x 50000"),
        ("image/png", pictures.bomb_png(2**31 - 1, 2**31 - 1), 413, "million"),
        ("image/jpeg", pictures.bomb_jpeg(65_000, 65_000), 413, "65000 x 65000"),
        (FORM, form(("file", pictures.bomb_png(6001, 4000))), 413, "million"),
        ("image/jpeg", jpeg() + bytes(MOST_PICTURE), 413, "at most"),
        ("image/jpeg", jpeg() + bytes(MOST_BODY), 413, "KiB"),
    ],
)  # fmt: skip
def test_what_is_no_picture_is_refused_before_a_pixel_is_decoded(
    program: Asking, model: Model, kind: str, body: bytes, status: int, word: str
) -> None:
    headers = {"content_type": kind} if kind else {}
    assert word in problem(program.post("/mask/", body, **headers), status)
    assert model.seen == []


def test_a_file_that_is_called_otherwise_is_known_by_its_content(program: Asking, model: Model) -> None:
    answer = program.post(
        "/mask/", form(("file", png()), filename="a.txt", content_type="text/html"), content_type=FORM
    )
    assert answer.status == 200
    assert model.seen == [png()]


def test_a_picture_that_is_also_a_page_is_answered_as_a_picture_and_never_sent_back(program: Asking) -> None:
    polyglot = jpeg() + b"<script>alert(1)</script>"
    answer = program.post("/mask/", polyglot, content_type="image/jpeg")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert b"script" not in answer.body


def test_a_preamble_and_an_epilogue_are_passed_over(program: Asking, model: Model) -> None:
    body = b"This is MIME.\r\n" + form(("file", jpeg())) + b"the end"
    assert program.post("/mask/", body, content_type=FORM).status == 200
    assert model.seen == [jpeg()]


def test_a_browser_that_sends_a_form_gets_a_problem_and_no_page(program: Asking) -> None:
    assert problem(program.post("/mask/", b"x", content_type="text/plain", accept="text/html"), 415)


@pytest.mark.parametrize(
    ("error", "status"),
    [(TryLater("the model is being replaced"), 503), (Refused("is damaged"), 400), (ModelError("it cannot run"), 500)],
)
def test_what_becomes_of_a_picture_that_could_not_be_looked_at(tmp_path: Path, error: Exception, status: int) -> None:
    program = asking(site(tmp_path, look=Model(error)), bearer="infer")
    answer = program.post("/mask/", jpeg(), content_type="image/jpeg")
    assert problem(answer, status) == str(error)
    assert (answer.headers.get("retry-after") == "1") == (status == 503)


def test_a_session_of_an_operator_may_ask_and_one_of_a_viewer_may_not(tmp_path: Path) -> None:
    here = site(tmp_path, look=Model())
    assert asking(here, who="operator").post("/mask/", jpeg(), content_type="image/jpeg").status == 200
    assert problem(asking(here, who="viewer").post("/mask/", jpeg(), content_type="image/jpeg"), 403)
    foreign = asking(here, who="operator")
    assert problem(foreign.post("/mask/", jpeg(), origin="http://evil.test", content_type="image/jpeg"), 403)


def test_a_body_that_is_packed_is_never_unpacked(program: Asking, model: Model) -> None:
    """100 MB in 100 kB: a server that unpacks what it is sent has room for one of them."""
    packed = gzip.compress(bytes(10**8))
    answer = program.post("/mask/", packed, content_type="image/jpeg", content_encoding="gzip")
    assert "is no picture that is read here" in problem(answer, 415)
    assert model.seen == []


def test_a_get_is_no_way_to_send_a_picture(program: Asking) -> None:
    assert problem(program.get("/mask/"), 405)
