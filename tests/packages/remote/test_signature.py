"""A signature counts when one of our keys made it over this manifest, and not otherwise."""

import base64
import sys
from pathlib import Path

import pytest
from tests.packages.remote.parcels import minisign, write_keys, write_layout

from edge_mask.errors import Refused
from edge_mask.packages.remote import secret_key
from edge_mask.packages.remote.pull import pull
from edge_mask.packages.remote.secret_key import SecretKey, read_secret_key, sign
from edge_mask.packages.remote.secret_key import write_keys as new_keys
from edge_mask.packages.remote.signature import PublicKey, Signed, read_key, read_keys, verify

OF_ANOTHER_KIND = "\n".join(
    ("untrusted comment: x", base64.b64encode(b"XX" + bytes(72)).decode(), "trusted comment: y", "A" * 86 + "==")
)
DATA = b'{"schemaVersion": 2}'


def no_password() -> str:
    raise AssertionError("the key is not encrypted")


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> tuple[SecretKey, PublicKey]:
    secret, public = write_keys(tmp_path_factory.mktemp("keys"))
    return read_secret_key(secret, no_password), read_key(public)


Pair = tuple[SecretKey, PublicKey]


def test_ours_counts(ours: Pair) -> None:
    assert verify(DATA, sign(DATA, ours[0], "mask 1.0"), [ours[1]]) == Signed(ours[1], "mask 1.0")


def test_one_of_several_keys_is_enough(ours: Pair, tmp_path: Path) -> None:
    other = read_key(write_keys(tmp_path)[1])
    assert verify(DATA, sign(DATA, ours[0], ""), [other, ours[1]]).key == ours[1]


def test_another_key_does_not_count(ours: Pair, tmp_path: Path) -> None:
    other = read_key(write_keys(tmp_path)[1])
    with pytest.raises(Refused, match=f"the key {ours[1].shown}, which is not one of ours .{other.shown}"):
        verify(DATA, sign(DATA, ours[0], ""), [other])


def test_another_key_with_our_number_does_not_count(ours: Pair) -> None:
    pretended = SecretKey(ours[0].key_id, bytes(32))
    with pytest.raises(Refused, match="belongs to another package"):
        verify(DATA, sign(DATA, pretended, ""), [ours[1]])


def test_the_signature_of_another_package_does_not_count(ours: Pair) -> None:
    with pytest.raises(Refused, match="belongs to another package"):
        verify(DATA + b" ", sign(DATA, ours[0], ""), [ours[1]])


def test_a_changed_comment_does_not_count(ours: Pair) -> None:
    text = sign(DATA, ours[0], "mask 1.0").replace("mask 1.0", "mask 2.0")
    with pytest.raises(Refused, match="the trusted comment of the signature was changed"):
        verify(DATA, text, [ours[1]])


def test_every_truncation_is_refused(ours: Pair) -> None:
    text = sign(DATA, ours[0], "mask 1.0")
    for size in range(len(text) - 1):  # the last line break does not matter
        with pytest.raises(Refused, match="signature"):
            verify(DATA, text[:size], [ours[1]])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no file of minisign"),
        ("\0" * 50, "no file of minisign"),
        ("untrusted comment: x\n!!\ntrusted comment: y\n!!\n", "a line of it is no signature"),
        (
            OF_ANOTHER_KIND,
            "uses the algorithm b'XX'",
        ),
    ],
)
def test_what_is_no_signature_is_refused(ours: Pair, text: str, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        verify(DATA, text, [ours[1]])


def test_without_the_library_a_sentence_says_what_to_install(ours: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    text = sign(DATA, ours[0], "")
    for name in [name for name in sys.modules if name.startswith("cryptography")] + ["cryptography"]:
        monkeypatch.setitem(sys.modules, name, None)
    for action in (lambda: verify(DATA, text, [ours[1]]), lambda: sign(DATA, ours[0], "")):
        with pytest.raises(Refused, match=r"pip install 'edge-mask\[packages\]'"):
            action()


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"untrusted comment: x\nRWQ=\n", b"a\nb\n", b"x" * 9000])
def test_a_file_that_is_no_key_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "k"
    path.write_bytes(content)
    with pytest.raises(Refused, match=r"k: is no public key of minisign"):
        read_keys([path])
    with pytest.raises(Refused, match=r"k: is no secret key of minisign"):
        read_secret_key(path, no_password)
    with pytest.raises(Refused, match="cannot be read"):
        read_key(tmp_path / "missing")


def test_a_public_key_may_stand_alone_on_its_line(tmp_path: Path) -> None:
    public = write_keys(tmp_path)[1]
    (tmp_path / "line").write_text(public.read_text().splitlines()[1])
    assert read_key(tmp_path / "line").raw == read_key(public).raw


def test_an_encrypted_key_opens_with_its_password_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret_key, "_OPS", 1 << 19)  # minisign reads these from the file
    monkeypatch.setattr(secret_key, "_MEMORY", 1 << 24)
    secret, public = tmp_path / "k", tmp_path / "k.pub"
    made = new_keys(secret, public, "open it")
    assert read_secret_key(secret, lambda: "open it") == made
    with pytest.raises(Refused, match="k: the password is wrong"):
        read_secret_key(secret, lambda: "open")
    (tmp_path / "m").write_bytes(DATA)
    minisign("-S", "-s", secret, "-m", tmp_path / "m", stdin="open it\n")
    assert verify(DATA, (tmp_path / "m.minisig").read_text(), [read_key(public)]).key.shown == made.shown


def test_a_key_that_asks_for_too_much_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret_key, "_OPS", 1 << 19)
    monkeypatch.setattr(secret_key, "_MEMORY", 1 << 24)
    new_keys(tmp_path / "k", tmp_path / "k.pub", "x")
    head, line, *_ = (tmp_path / "k").read_text().split("\n")
    data = bytearray(base64.b64decode(line))
    data[38:54] = (1 << 40).to_bytes(8, "little") + (1 << 42).to_bytes(8, "little")
    (tmp_path / "k").write_text(f"{head}\n{base64.b64encode(data).decode()}\n")
    with pytest.raises(Refused, match="MiB of memory; at most"):
        read_secret_key(tmp_path / "k", lambda: "x")


def test_a_package_needs_a_signature_once_there_are_keys(ours: Pair, tmp_path: Path) -> None:
    layout, made = write_layout(tmp_path)
    source = [f"file://{layout}"]
    assert pull(source, made.digest, tmp_path / "free").signed is None
    with pytest.raises(Refused, match="it has no signature, and one is required"):
        pull(source, made.digest, tmp_path / "a", keys=[ours[1]])
    assert not any((tmp_path / "a").rglob("*"))  # nothing of it was fetched
    text = sign(made.data, ours[0], "by hand")
    found = pull(source, made.digest, tmp_path / "a", keys=[ours[1]], signature=text)
    assert found.signed is not None
    assert found.signed.comment == "by hand"
    (tmp_path / "layout.minisig").write_text(text)
    assert pull(source, made.digest, tmp_path / "b", keys=[ours[1]]).signed == found.signed
    with pytest.raises(Refused, match="no file of minisign"):
        pull(source, made.digest, tmp_path / "c", keys=[ours[1]], signature="garbage")
