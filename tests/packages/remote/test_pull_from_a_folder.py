"""A package comes whole from a layout on a stick or behind a web server, or a sentence says why not."""

import json
import os
import resource
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.packages.remote.faulty import Faulty, send
from tests.packages.remote.parcels import FILES, names, write_keys, write_layout, write_parcel

from edge_mask.errors import ModelError, Refused, TryLater
from edge_mask.packages.package import open_package
from edge_mask.packages.remote.build import build
from edge_mask.packages.remote.layout import INDEX, REF, package_in, place, signature_tag
from edge_mask.packages.remote.manifest import EMPTY, SIGNATURE, File, Manifest, digest_of, write
from edge_mask.packages.remote.pull import Pulled, pull
from edge_mask.packages.remote.secret_key import read_secret_key, sign
from edge_mask.packages.remote.signature import PublicKey, read_key
from edge_mask.packages.remote.source import Limits
from edge_mask.packages.verify import verify_package
from edge_mask.units import Bytes

Parcel = tuple[Path, Manifest]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Parcel:
    return write_layout(tmp_path_factory.mktemp("made"))


@pytest.fixture
def parcel(tmp_path: Path, made: Parcel) -> Parcel:
    """A copy that may be broken."""
    return shutil.copytree(made[0], tmp_path / "layout"), made[1]


@pytest.fixture
def signed(tmp_path: Path, parcel: Parcel) -> tuple[str, PublicKey]:
    """A signature of the parcel, which lies nowhere, and its key."""
    secret, public = write_keys(tmp_path)
    return sign(parcel[1].data, read_secret_key(secret, str), "ours"), read_key(public)


def fetch(layout: Path, digest: str, into: Path, **more: Any) -> Pulled:
    return pull([f"file://{layout}"], digest, into, **more)


def copy_into(layout: Path, made: Manifest, signature: str) -> None:
    """What `skopeo copy docker://…:sha256-….minisig oci:LAYOUT:sha256-….minisig` adds."""
    data = signature.encode()
    artifact = write(
        [File(signature_tag(made.digest), digest_of(data), len(data))], name="", version="", artifact=SIGNATURE
    )
    for blob in (data, EMPTY, artifact.data):
        (layout / place(digest_of(blob))).write_bytes(blob)
    index = json.loads((layout / INDEX).read_bytes())
    entry = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": artifact.digest, "size": 1}
    index["manifests"].append({**entry, "annotations": {REF: signature_tag(made.digest)}})
    (layout / INDEX).write_text(json.dumps(index))


def test_it_comes_whole_with_its_folders(tmp_path: Path, made: Parcel) -> None:
    seen: list[tuple[int, int]] = []
    into = tmp_path / "in" / "to"
    found = fetch(made[0], made[1].digest, into, on_progress=lambda have, all_: seen.append((have, all_)))
    assert names(found.folder) == FILES
    assert (found.name, found.version, found.files) == ("tiny", "1.0.0", 3)
    assert (seen[0], seen[-1]) == ((0, made[1].size), (made[1].size, made[1].size))
    assert all(check.passed for check in verify_package(open_package(found.folder)))


def test_the_same_package_has_the_same_digest_and_another_one_another(tmp_path: Path, made: Parcel) -> None:
    parcel = write_parcel(tmp_path / "somewhere else")
    for path in parcel.rglob("*"):
        os.utime(path, (1, 1))
    assert build(parcel, tmp_path / "again").digest == made[1].digest
    assert (tmp_path / "again" / INDEX).read_bytes() == (made[0] / INDEX).read_bytes()
    assert write_layout(tmp_path, version="1.0.1")[1].digest != made[1].digest


def test_a_zip_of_the_package_gives_the_same_layout(tmp_path: Path, made: Parcel) -> None:
    parcel = write_parcel(tmp_path / "parcel")
    packed = shutil.make_archive(str(tmp_path / "parcel"), "zip", tmp_path, "parcel")
    assert build(Path(packed), tmp_path / "a.zip").digest == made[1].digest
    build(parcel, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert names(fetch(tmp_path / "a.zip", made[1].digest, tmp_path / "into").folder) == FILES


def test_a_layout_is_what_skopeo_expects(made: Parcel) -> None:
    """OCI image layout 1.0.0: the marker, the index with sizes, every blob under its digest."""
    layout, manifest = made
    assert json.loads((layout / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    (entry,) = json.loads((layout / INDEX).read_bytes())["manifests"]
    assert (entry["digest"], entry["size"]) == (manifest.digest, len(manifest.data))
    for blob in (layout / "blobs" / "sha256").iterdir():
        assert digest_of(blob.read_bytes()) == f"sha256:{blob.name}"
    content = json.loads(manifest.data)
    descriptors = [content["config"], *content["layers"]]
    assert all((layout / place(each["digest"])).stat().st_size == each["size"] for each in descriptors)


def test_a_package_that_does_not_hold_is_not_built(tmp_path: Path) -> None:
    parcel = write_parcel(tmp_path / "parcel")
    (parcel / "model.tflite").write_bytes((parcel / "model.tflite").read_bytes()[:-1])
    with pytest.raises(ModelError, match="does not hold what it promises"):
        build(parcel, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["parcel"]


def test_what_is_there_is_not_built_over(tmp_path: Path, parcel: Parcel) -> None:
    with pytest.raises(Refused, match="layout: is there already"):
        build(tmp_path, parcel[0])
    with pytest.raises(Refused, match="cannot be read or written"):
        build(tmp_path, tmp_path / "missing" / "out")


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (lambda path: path.write_bytes(b"x" * path.stat().st_size), "its sha256 is .* it was changed"),
        (lambda path: path.write_bytes(path.read_bytes()[:-7]), "was cut off after"),
        (lambda path: path.write_bytes(path.read_bytes() + b"x"), "is longer than the"),
        (lambda path: path.unlink(), "is not in it"),
    ],
)
def test_a_broken_blob_is_refused_and_what_came_before_stays(
    tmp_path: Path, parcel: Parcel, fault: Any, sentence: str
) -> None:
    layout, made = parcel
    fault(layout / place(made.files[1].digest))
    with pytest.raises(Refused, match=sentence):
        fetch(layout, made.digest, tmp_path / "into")
    assert names(tmp_path / "into") == FILES[:1]


def test_a_broken_manifest_is_refused(tmp_path: Path, parcel: Parcel) -> None:
    path = parcel[0] / place(parcel[1].digest)
    path.write_bytes(path.read_bytes().replace(b"1.0.0", b"1.0.1"))
    with pytest.raises(Refused, match="its manifest has the digest"):
        fetch(parcel[0], parcel[1].digest, tmp_path / "into")


@pytest.mark.parametrize("digest", ["", "sha256:12", "SHA256:" + "0" * 64, "sha256:" + "G" * 64, "sha256:../../x"])
def test_what_is_no_digest_is_refused(tmp_path: Path, parcel: Parcel, digest: str) -> None:
    with pytest.raises(Refused, match="is no digest; expected sha256"):
        fetch(parcel[0], digest, tmp_path / "into")


def test_an_address_of_another_digest_is_refused(tmp_path: Path, parcel: Parcel) -> None:
    other = f"sha256:{'0' * 64}"
    with pytest.raises(Refused, match="its address names another digest"):
        pull([f"oci://localhost/x@{other}"], parcel[1].digest, tmp_path / "into")
    with pytest.raises(Refused, match="there is no source"):
        pull([], other, tmp_path / "into")


def test_a_package_that_is_too_large_is_refused_before_it_is_fetched(tmp_path: Path, parcel: Parcel) -> None:
    with pytest.raises(Refused, match=rf"it has {parcel[1].size} bytes; at most 100 are fetched"):
        fetch(parcel[0], parcel[1].digest, tmp_path / "into", limits=Limits(max_bytes=Bytes(100)))
    assert names(tmp_path / "into") == []


def test_a_stick_that_is_not_in_is_waited_for(tmp_path: Path, parcel: Parcel) -> None:
    with pytest.raises(TryLater, match="is the stick in"):
        fetch(tmp_path / "media", parcel[1].digest, tmp_path / "into")


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_pipe_or_a_device_in_the_place_of_a_layout_does_not_hold_us(
    tmp_path: Path, parcel: Parcel, kind: str
) -> None:
    place = Path("/dev/zero") if kind == "device" else tmp_path / "pipe"
    if kind == "pipe":
        os.mkfifo(place)
    with pytest.raises(Refused, match="neither a folder nor a zip"):
        fetch(place, parcel[1].digest, tmp_path / "into")
    with pytest.raises(Refused, match="neither a folder nor a zip"):
        package_in(place)


def test_a_pipe_in_the_place_of_a_blob_does_not_hold_us(tmp_path: Path, parcel: Parcel) -> None:
    path = parcel[0] / place(parcel[1].files[0].digest)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(Refused, match="is not in it"):
        fetch(parcel[0], parcel[1].digest, tmp_path / "into")


@pytest.mark.parametrize("content", [b"no zip", b"PK\5\6" + bytes(18), b""])
def test_a_zip_that_is_none_is_refused(tmp_path: Path, parcel: Parcel, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(Refused, match=r"x\.zip: "):
        fetch(tmp_path / "x.zip", parcel[1].digest, tmp_path / "into")


def test_a_zip_with_changed_bytes_is_refused(tmp_path: Path, made: Parcel) -> None:
    build(write_parcel(tmp_path / "parcel"), tmp_path / "good.zip")
    good = (tmp_path / "good.zip").read_bytes()
    for at in range(0, len(good), max(1, len(good) // 40)):
        (tmp_path / "bad.zip").write_bytes(good[:at] + bytes([good[at] ^ 0xFF]) + good[at + 1 :])
        try:
            found = fetch(tmp_path / "bad.zip", made[1].digest, tmp_path / f"into{at}")
        except (Refused, TryLater):
            continue
        assert all(check.passed for check in verify_package(open_package(found.folder)))  # a byte of no importance


def test_a_bomb_in_a_zip_is_stopped_at_the_size_of_the_manifest(tmp_path: Path, parcel: Parcel) -> None:
    made = parcel[1]
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(place(made.digest), made.data)
        archive.writestr(place(made.files[0].digest), bytes(50_000_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Refused, match="is longer than the"):
        fetch(tmp_path / "bomb.zip", made.digest, tmp_path / "into")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000  # kB


def test_what_is_there_already_is_not_fetched_again(tmp_path: Path, parcel: Parcel) -> None:
    layout, made = parcel
    into = fetch(layout, made.digest, tmp_path / "into").folder
    (into / FILES[0]).write_bytes(b"half")
    (into / ".edge-mask-part-0000").write_bytes(b"what a kill left")
    for path in FILES[1:]:
        (layout / place(next(file.digest for file in made.files if file.path == path))).unlink()
    assert names(fetch(layout, made.digest, into).folder) == FILES
    assert (into / FILES[0]).stat().st_size == made.files[0].size


def test_a_folder_that_holds_something_else_is_not_touched(tmp_path: Path, parcel: Parcel) -> None:
    into = tmp_path / "into"
    into.mkdir()
    (into / "letter.txt").write_text("dear")
    with pytest.raises(Refused, match=r"letter\.txt: does not belong to the package"):
        fetch(parcel[0], parcel[1].digest, into)
    (into / "letter.txt").unlink()
    (into / "model.yaml").symlink_to(tmp_path / "outside")
    with pytest.raises(Refused, match="does not belong to the package"):
        fetch(parcel[0], parcel[1].digest, into)
    (into / "model.yaml").unlink()
    (into / "golden").symlink_to(tmp_path)
    with pytest.raises(Refused, match="does not belong to the package"):
        fetch(parcel[0], parcel[1].digest, into)
    assert not (tmp_path / "square.png").exists()


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    disk = folder / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("only root can mount a disk that is full")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_full_disk_ends_the_pull_and_the_next_one_goes_on(tmp_path: Path, parcel: Parcel) -> None:
    with small_disk(tmp_path, "64k") as disk:
        (disk / "filler").write_bytes(bytes(56 * 1024))
        both = [f"file://{parcel[0]}", "file:///media/none"]
        with pytest.raises(TryLater, match=r"cannot be written \(No space left on device\)") as full:
            pull(both, parcel[1].digest, disk / "into")
        assert "media/none" not in str(full.value)  # another source would not help
        assert not list((disk / "into").glob(".edge*"))  # what it took is free again
        (disk / "filler").unlink()
        assert names(pull(both, parcel[1].digest, disk / "into").folder) == FILES


def test_a_signature_that_skopeo_copied_into_the_layout_is_found(
    tmp_path: Path, parcel: Parcel, signed: tuple[str, PublicKey]
) -> None:
    layout, made = parcel
    text, key = signed
    copy_into(layout, made, text)
    found = fetch(layout, made.digest, tmp_path / "into", keys=[key])
    assert found.signed is not None
    assert package_in(layout) == made  # the signature is no package


def test_a_layout_with_two_packages_serves_both_by_digest(tmp_path: Path, parcel: Parcel) -> None:
    layout, first = parcel
    other, second = write_layout(tmp_path, version="9.0.0", name="other")
    for blob in (other / "blobs" / "sha256").iterdir():
        shutil.copy(blob, layout / "blobs" / "sha256")
    index = json.loads((layout / INDEX).read_bytes())
    index["manifests"] += json.loads((other / INDEX).read_bytes())["manifests"]
    (layout / INDEX).write_text(json.dumps(index))
    for made in (first, second):
        assert fetch(layout, made.digest, tmp_path / made.version).version == made.version
    with pytest.raises(Refused, match="layout: holds 2 packages, expected one"):
        package_in(layout)


def test_a_folder_behind_a_web_server_serves_what_is_needed(
    tmp_path: Path, parcel: Parcel, signed: tuple[str, PublicKey]
) -> None:
    layout, made = parcel
    text, key = signed
    with Faulty(tmp_path) as server:
        server.offer(layout, "shop")
        source = [f"https://{server.host}/shop/"]
        with pytest.raises(Refused, match="it has no signature"):
            pull(source, made.digest, tmp_path / "a", ca=server.ca, keys=[key])
        server.files["/shop.minisig"] = text.encode()
        found = pull(source, made.digest, tmp_path / "a", ca=server.ca, keys=[key])
        assert names(found.folder) == FILES
        del server.files["/shop.minisig"]
        copy_into(layout, made, text)
        server.offer(layout, "shop")
        assert pull(source, made.digest, tmp_path / "b", ca=server.ca, keys=[key]).signed == found.signed
        with pytest.raises(Refused, match=r"the manifest: the server does not have it"):
            pull([f"https://{server.host}/"], made.digest, tmp_path / "c", ca=server.ca, keys=[key])


def test_a_zip_behind_a_web_server_leaves_nothing_beside(
    tmp_path: Path, made: Parcel, parcel: Parcel, signed: tuple[str, PublicKey]
) -> None:
    text, key = signed
    build(write_parcel(tmp_path / "parcel"), tmp_path / "mask.zip")
    with Faulty(tmp_path) as server:
        server.files["/shop/mask.zip"] = (tmp_path / "mask.zip").read_bytes()
        server.files["/shop/mask.zip.minisig"] = text.encode()
        source = [f"https://{server.host}/shop/mask.zip?signature=secret"]
        found = pull(source, made[1].digest, tmp_path / "into", ca=server.ca, keys=[key])
        assert names(found.folder) == FILES
        assert "secret" not in found.source
        small = Limits(max_bytes=Bytes(10))
        server.files["/shop/mask.zip"] = bytes(1_100_000)
        with pytest.raises(Refused, match="it has more than 10 bytes"):
            pull(source, made[1].digest, tmp_path / "b", ca=server.ca, limits=small)
        server.answers["/shop/mask.zip"] = lambda request: send(request, 200, b"no zip")
        with pytest.raises(Refused, match="neither a folder nor a zip"):
            pull(source, made[1].digest, tmp_path / "b", ca=server.ca)
    assert names(tmp_path / "b") == []


def test_only_one_package_counts_as_the_package_of_a_layout(tmp_path: Path, parcel: Parcel) -> None:
    (parcel[0] / INDEX).write_text('{"manifests": []}')
    with pytest.raises(Refused, match="layout: holds 0 packages"):
        package_in(parcel[0])
    (parcel[0] / INDEX).write_text("[]")
    with pytest.raises(Refused, match=r"index\.json is no index"):
        package_in(parcel[0])
