"""A manifest from outside names files of a package, or a sentence says what is wrong with it."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_mask.errors import Refused
from edge_mask.packages.remote.layout import entries
from edge_mask.packages.remote.manifest import ARTIFACT, NAME, TITLE, VERSION, File, Manifest, digest_of, read, write

DIGEST = digest_of(b"x")


def manifest(*layers: Any, **changes: Any) -> bytes:
    return json.dumps({"schemaVersion": 2, "artifactType": ARTIFACT, "layers": list(layers), **changes}).encode()


def layer(path: Any = "a", **changes: Any) -> dict[str, Any]:
    return {"digest": DIGEST, "size": 1, "annotations": {TITLE: path}, **changes}


def test_what_is_written_is_read() -> None:
    made = write([File("b/c", DIGEST, 2), File("a", DIGEST, 1)], name="n", version="1.0")
    assert read(made.data) == Manifest(made.data, made.digest, "n", "1.0", made.files)
    assert [file.path for file in made.files] == ["a", "b/c"]
    assert made.size == 3


def test_a_name_that_would_move_the_cursor_is_none() -> None:
    for name in ("\x1b[2J", "x" * 201, 7, None):
        assert read(manifest(layer(), annotations={NAME: name, VERSION: "1"})).name == ""


@pytest.mark.parametrize(
    "path",
    [
        "../x", "a/../../x", "/etc/passwd", "a//b", "./a", "a/", "", ".", "..", "a\\b", "a\0b", "a\nb", "\ud800",
        "a/b/c/d/e/f/g/h/i", "x" * 201, ".edge-mask-part", ".edge-mask-part/x",
    ],
)  # fmt: skip
def test_a_title_that_is_no_place_in_the_package_is_refused(path: str) -> None:
    with pytest.raises(Refused, match="the manifest names the file"):
        read(manifest(layer(path)))


@pytest.mark.parametrize(("paths"), [("a", "a"), ("a", "a/b"), ("a/b", "a"), ("x", "a/b/c", "a/b")])
def test_two_files_at_one_place_are_refused(paths: tuple[str, ...]) -> None:
    with pytest.raises(Refused, match="twice, or a file below it"):
        read(manifest(*map(layer, paths)))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "is no JSON"),
        (b"\xff", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"[]", "is no OCI manifest"),
        (b'{"schemaVersion": 1}', "is no OCI manifest"),
        (manifest(layer(), artifactType="application/vnd.docker.image"), "it is no model package"),
        (manifest(), "names no files"),
        (manifest(layers={}), "names no files"),
        (manifest(*[{}] * 10_000), "names 10000 files; a package has at most 200"),
        (manifest(layer(), x="y" * 1_000_000), "is larger than 1 MB"),
        (manifest("x"), "a layer that is no object"),
        (manifest(layer(annotations=None)), "has no title"),
        (manifest(layer(7)), "has no title"),
        (manifest(layer(digest="sha256:12")), "its digest is 'sha256:12', expected"),
        (manifest(layer(digest="md5:" + "0" * 32)), "expected sha256"),
        (manifest(layer(size=-1)), "its size is -1"),
        (manifest(layer(size=True)), "its size is True"),
        (manifest(layer(size="9" * 500)), "its size is '999"),
    ],
)
def test_what_is_no_manifest_of_a_package_is_refused(data: bytes, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence) as refused:
        read(data)
    assert len(str(refused.value)) < 300


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60)
@given(
    st.fixed_dictionaries(
        {"schemaVersion": st.just(2) | JSON, "artifactType": st.just(ARTIFACT) | JSON, "annotations": JSON},
        optional={
            "layers": JSON
            | st.lists(
                st.fixed_dictionaries(
                    {"digest": st.just(DIGEST) | JSON, "size": st.integers(-1, 9) | JSON},
                    optional={"annotations": JSON | st.fixed_dictionaries({TITLE: st.text() | JSON})},
                ),
                max_size=4,
            )
        },
    )
)
def test_whatever_comes_is_a_package_or_a_sentence(content: Any) -> None:
    try:
        found = read(json.dumps(content).encode())
    except Refused as refused:
        assert str(refused)  # noqa: PT017 (both ends are right)
    else:
        assert all(".." not in file.path.split("/") and not file.path.startswith("/") for file in found.files)


@settings(max_examples=60)
@given(JSON)
def test_whatever_comes_as_an_index_is_one_or_a_sentence(content: Any) -> None:
    for data in (json.dumps(content), json.dumps({"manifests": content})):
        try:
            entries(data.encode())
        except Refused as refused:
            assert "is no index" in str(refused)  # noqa: PT017 (both ends are right)
