"""`edge-mask package` as an operator types it: from a folder to a registry, a stick and the devices' topics."""

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import yaml
from tests.broker import HOST, Mosquitto, Received, Subscriber
from tests.end_to_end.daemon import COMMAND, Ended, edge_mask
from tests.packages.registry import PASSWORD, USER, Registry
from tests.packages.remote.faulty import Faulty
from tests.packages.remote.parcels import FILES, minisign, names, write_keys, write_parcel
from tests.waiting import until

from edge_mask.cli import main
from edge_mask.packages.remote.layout import package_in


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path_factory.mktemp("broker")) as running:
        yield running


def of(things: list[str], got: list[Received]) -> list[Received]:
    return [message for message in got if message.topic.split("/")[1] in things]


def package(folder: Path, *words: str | Path, stdin: str = "") -> Ended:
    """In this process: starting one for each takes longer than what it does."""
    out, err = io.StringIO(), io.StringIO()
    with chdir(folder), redirect_stdout(out), redirect_stderr(err), patch("sys.stdin", io.StringIO(stdin)):
        code = main(["package", *map(str, words)])
    return Ended(code, out.getvalue(), err.getvalue())


def login(registry: Registry) -> tuple[str | Path, ...]:
    return "--username", USER, "--password-file", registry.password_file, "--ca", registry.ca


def write_desk(folder: Path, broker: Mosquitto, registry: Registry | None = None, **packages: Any) -> Path:
    """The configuration of whoever deploys."""
    if registry is not None:
        packages |= {"username": USER, "password_file": str(registry.password_file), "ca": str(registry.ca)}
    config = {
        "device": {"thing_name": "desk"},
        "mqtt": {"host": HOST, "port": broker.port},
        "fleet": {"type": "analysis", "packages": packages},
        "outbox": {"path": str(folder / "desk.db")},
    }
    path = folder / "desk.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


@dataclass(frozen=True)
class Shelf:
    """A signed layout `mask`, its digest, and the keys that it was signed with."""

    folder: Path
    digest: str

    @property
    def mask(self) -> Path:
        return self.folder / "mask"

    @property
    def public(self) -> Path:
        return self.folder / "packages.pub"


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    folder = tmp_path_factory.mktemp("shelf")
    write_parcel(folder / "parcel")
    write_keys(folder)
    made = package(folder, "build", "parcel", "--out", "mask")
    assert made.code == 0, made
    signed = package(folder, "sign", "mask", "--key", "packages.key")
    assert signed.code == 0, signed
    return Shelf(folder, made.out.splitlines()[-1])


def test_from_a_folder_to_a_registry_and_back(tmp_path: Path, shelf: Shelf, registry: Registry) -> None:
    digest = shelf.digest
    words: tuple[str | Path, ...] = ("push", shelf.mask, f"{registry.base}/shop/mask", *login(registry), "--json")
    pushed = edge_mask("package", *words, cwd=tmp_path)
    assert pushed.code == 0, pushed
    told = json.loads(pushed.out)
    assert (told["digest"], told["tag"], told["signed"]) == (digest, "1.0.0", True)
    assert told["address"] == f"{registry.base}/shop/mask@{digest}"
    for number, address in enumerate([told["address"], f"{registry.base}/shop/mask:1.0.0"]):
        words = ("pull", address, "--out", f"got{number}", "--pub", shelf.public, *login(registry), "--json")
        got = edge_mask("package", *words, cwd=tmp_path)
        assert got.code == 0, got
        assert json.loads(got.out)["digest"] == digest
        assert names(tmp_path / f"got{number}") == FILES
    installed = edge_mask("model", "install", "got0", "--models", "models", "--activate", cwd=tmp_path)
    assert "tiny 1.0.0" in installed.out, installed


def test_what_was_signed_here_minisign_verifies_and_the_other_way_round(tmp_path: Path, shelf: Shelf) -> None:
    manifest = shelf.mask / "blobs" / shelf.digest.replace(":", "/")
    minisign("-Vm", manifest, "-x", shelf.folder / "mask.minisig", "-p", shelf.public)
    for flags in ((), ("-l",)):  # prehashed, and as it was before
        theirs = tmp_path / f"theirs{len(flags)}"
        minisign("-S", *flags, "-s", shelf.folder / "packages.key", "-m", manifest, "-x", theirs, "-t", "checked by us")
        words = ("pull", f"file://{shelf.mask}", "--out", f"got{len(flags)}", "--pub", shelf.public, "--json")
        told = json.loads(package(tmp_path, *words, "--signature", theirs).out)
        assert told["comment"] == "checked by us"


def test_keys_made_here_are_keys_of_minisign(tmp_path: Path) -> None:
    words = ("keygen", "--key", "own.key", "--public", "own.pub")
    assert package(tmp_path, *words, "--no-password").code == 0
    assert (tmp_path / "own.key").stat().st_mode & 0o077 == 0
    (tmp_path / "text").write_text("x")
    minisign("-S", "-s", tmp_path / "own.key", "-m", tmp_path / "text")
    minisign("-Vm", tmp_path / "text", "-p", tmp_path / "own.pub")
    again = package(tmp_path, *words, "--no-password")
    assert (again.code, "own.key: is there already" in again.err) == (1, True), again
    empty = package(tmp_path, "keygen", "--key", "a", "--public", "b", stdin="\n")
    assert (empty.code, "the password is empty" in empty.err) == (1, True), empty


def test_a_wish_is_retained_for_each_device_and_taken_back(
    tmp_path: Path, shelf: Shelf, registry: Registry, broker: Mosquitto
) -> None:
    address = f"{registry.base}/deployed"
    desk = write_desk(tmp_path, broker, registry, sources=[registry.base])
    assert package(tmp_path, "push", shelf.mask, address, "--config", desk).code == 0
    words = ("deploy", "--thing", "gate-01", "gate-02", "--config", desk)
    done = package(tmp_path, *words, "--source", f"{address}:1.0.0", "--window", "02:00-05:00", "--json")
    assert done.code == 0, done
    with Subscriber(broker.plain_port, "edge-mask/+/model/desired") as devices:
        found = devices.wait_for(lambda got: len(got) >= 2)
        assert {message.topic for message in found} == {f"edge-mask/gate-0{n}/model/desired" for n in (1, 2)}
        for message in found:
            content = json.loads(message.payload)
            assert content.pop("revision") > 1_700_000_000_000
            assert content == {
                "name": "tiny", "version": "1.0.0", "digest": shelf.digest, "sources": [address],
                "window": ["02:00", "05:00"],
            }  # fmt: skip
            assert message.retain
        removed = package(tmp_path, *words, "--remove")
        assert removed.out.count("nothing is wished any more") == 2, removed
        devices.wait_for(lambda got: [message.payload for message in got[2:]] == [b"", b""])
    with Subscriber(broker.plain_port, "edge-mask/#") as devices:
        devices.publish("edge-mask/end", b"{}")
        assert [message.topic for message in devices.wait_for(bool)] == ["edge-mask/end"]


@pytest.mark.parametrize(("last", "code"), [("active", 0), ("rolled_back", 1)])
def test_what_becomes_of_a_wish_is_followed_to_its_end(
    tmp_path: Path, shelf: Shelf, broker: Mosquitto, last: str, code: int
) -> None:
    things = [f"{last}-{n}" for n in (1, 2)]
    desk = write_desk(tmp_path, broker)
    words: list[str | Path] = ["package", "deploy", "--thing", *things, "--config", desk, "--wait", "60"]
    words += ["--source", f"file://{shelf.mask}", "--signature", str(shelf.folder / "mask.minisig")]
    with Subscriber(broker.plain_port, "edge-mask/+/model/desired") as devices:
        command = subprocess.Popen(
            [COMMAND, *words], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        wishes = of(things, devices.wait_for(lambda got: len(of(things, got)) == 2))
        assert json.loads(wishes[0].payload)["signature"] == (shelf.folder / "mask.minisig").read_text()
        for wish in wishes:
            topic = wish.topic.replace("desired", "reported")
            revision = json.loads(wish.payload)["revision"]
            for said in ({"revision": 1, "state": "active"}, {"revision": revision, "state": "trial"}):
                devices.publish(topic, json.dumps(said).encode())
            error = {} if code == 0 else {"error": "it sees\x1bnobody"}
            devices.publish(topic, json.dumps({"revision": revision, "state": last, **error}).encode())
        out, err = command.communicate(timeout=60)
    assert command.returncode == code, err
    told = f"{last}: it sees nobody" if code else last
    assert [line for line in out.splitlines() if line.endswith(told)] == [f"{thing}: {told}" for thing in things]
    assert out.count("trial") == 2
    assert out.count(": active") == (2 if code == 0 else 0)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("build", "nothing", "--out", "x"), 1, "nothing: there is no such file or folder"),
        (("build", ".", "--out", "x"), 3, "expected one model.yaml, found none"),
        (("sign", "nothing", "--key", "k"), 1, "nothing: there is no such folder or file"),
        (("push", "nothing", "oci://localhost:1/x"), 1, "there is no such folder or file"),
        (("push", "x", "https://localhost:1/x"), 1, "expected oci://HOST/REPOSITORY"),
        (("push", "x", "oci+http://example.com/x"), 1, "is not encrypted; oci+http is for a registry on this machine"),
        (("push", "x", "oci://localhost:1/x", "--username", "u"), 1, "--username needs --password-file"),
        (("pull", "ftp://x/y", "--out", "z"), 1, "allowed: oci://HOST/REPOSITORY"),
        (("pull", "oci://user:word@h/y", "--out", "z"), 1, "user and password do not belong in it"),
        (("pull", "https://localhost:1/y", "--out", "z"), 1, "does not say which package; give --digest"),
        (("pull", "oci://localhost:1/y", "--digest", "sha256:12", "--out", "z"), 1, "is no digest"),
        (("deploy", "--thing", "a/b", "--config", "x"), 2, "is no thing name"),
        (("deploy", "--thing", "a", "--window", "25:00-1", "--config", "x"), 2, "is no window; allowed: 02:00-05:00"),
    ],
)
def test_what_is_typed_wrong_is_a_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    code: int,
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        found = main(["package", *words])
    except SystemExit as end:  # argparse
        found = int(str(end.code))
    told = capsys.readouterr().err
    assert (found, sentence in told) == (code, True), told
    assert "Traceback" not in told
    assert "word@" not in told


def test_a_pull_that_was_killed_goes_on_where_it_was(tmp_path: Path, shelf: Shelf) -> None:
    with Faulty(tmp_path) as server:
        address = server.offer(shelf.mask)
        model = next(file for file in package_in(shelf.mask).files if file.path == "model.tflite")
        blob = f"/v2/x/blobs/{model.digest}"

        def half(request: BaseHTTPRequestHandler) -> None:
            request.send_response(200)
            request.send_header("Content-Length", str(model.size))
            request.end_headers()
            request.wfile.write(server.files[blob][:1000])
            server.ends.wait(60)

        server.answers[blob] = half
        words = ("package", "pull", f"{address}@{shelf.digest}", "--out", "got", "--ca", server.ca)
        pull = subprocess.Popen([COMMAND, *words], cwd=tmp_path)
        until(lambda: server.heads(blob))  # what came before it is here
        pull.kill()
        pull.wait(30)
        del server.answers[blob]
        before = len(server.asked)
        assert edge_mask(*words, cwd=tmp_path).code == 0
        assert next(path for path, _ in server.asked[before:] if "blobs" in path) == blob  # not the one before it
    assert names(tmp_path / "got") == FILES


def test_a_package_from_here_is_checked_without_the_libraries_of_networks_and_signatures(
    tmp_path: Path, shelf: Shelf
) -> None:
    program = f"""
import sys
from pathlib import Path
from edge_mask.packages.remote.pull import pull
pull(["file://{shelf.mask}"], "{shelf.digest}", Path("got"))
unwanted = ("cryptography", "ssl", "http.client", "edge_mask.packages.remote.http")
print([name for name in unwanted if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done


def test_a_password_stands_in_no_output(tmp_path: Path, shelf: Shelf, registry: Registry) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("sesame-open\n")
    words = (
        "push",
        shelf.mask,
        f"{registry.base}/x",
        "--username",
        USER,
        "--password-file",
        wrong,
        "--ca",
        registry.ca,
    )
    refused = package(tmp_path, *words)
    assert refused.code == 1
    assert "the user edge is not let in (401)" in refused.err
    assert "sesame" not in refused.err + refused.out
    assert PASSWORD not in refused.err


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (f"oci://{HOST}:1/mask", "cannot be reached"),
        (f"https://{HOST}:1/mask.zip", "cannot be reached"),
        ("file:///nowhere/mask", "is the stick in"),
    ],
)
def test_where_nothing_can_be_fetched_from_is_named(tmp_path: Path, address: str, reason: str) -> None:
    done = package(tmp_path, "pull", address, "--out", "into")
    assert done.code == 1
    assert done.err.startswith(f"{address}: "), done
    assert reason in done.err, done


def test_where_nothing_can_be_put_and_what_is_no_layout_is_named(tmp_path: Path, shelf: Shelf) -> None:
    address = f"oci+http://{HOST}:1/mask"
    done = package(tmp_path, "push", shelf.mask, address)
    assert (done.code, done.err.startswith(f"{address}: it cannot be reached")) == (1, True), done
    done = package(tmp_path, "push", tmp_path, address)
    assert (done.code, done.err) == (1, f"{tmp_path}: index.json is not in it\n"), done


def test_a_broker_that_is_away_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Away:
        port = 1

    desk = write_desk(tmp_path, Away())  # type: ignore[arg-type]  # nobody listens there
    words = ["--source", "file:///x", "--digest", f"sha256:{'0' * 64}", "--name", "n", "--version", "1"]
    assert main(["package", "deploy", "--thing", "a", "--config", str(desk), *words]) == 1
    assert "the wish was not published" in capsys.readouterr().err
