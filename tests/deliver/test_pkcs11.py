"""A private key that stays in a PKCS#11 token: what the SDK is given, and a real token where SoftHSM is installed."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from awscrt import io
from tests.broker import HOST, Mosquitto
from tests.deliver.stages import States, note
from tests.papers import Paper, Papers
from tests.waiting import PATIENCE

from edge_mask.deliver.aws_iot import AwsIotTransport
from edge_mask.deliver.aws_iot_identity import Identity, Token
from edge_mask.deliver.tls import TlsFiles
from edge_mask.errors import Refused
from edge_mask.messages import Outcome
from edge_mask.units import Seconds

PIN = "4711"
UTIL = shutil.which("softhsm2-util")


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return Papers(tmp_path_factory.mktemp("papers"))


def test_a_library_that_is_none_is_refused_by_name(papers: Papers, tmp_path: Path) -> None:
    library = tmp_path / "libtoken.so"
    library.write_text("no library")
    identity = Identity(_files(papers, papers.device), Token(library=library, pin=lambda: PIN))
    with pytest.raises(Refused, match=rf"aws\.pkcs11\.library: {library} cannot be loaded: "):
        identity.context()


def test_the_sdk_is_given_the_token_and_the_pin_read_anew(
    papers: Papers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[dict[str, Any]] = []
    pins = iter(["first", "second"])

    def remember(**options: Any) -> io.TlsContextOptions:
        given.append(options)
        return io.TlsContextOptions()

    monkeypatch.setattr(io, "Pkcs11Lib", lambda file: f"the library {file}")
    monkeypatch.setattr(io.TlsContextOptions, "create_client_with_mtls_pkcs11", staticmethod(remember))
    library = tmp_path / "libtoken.so"
    token = Token(library=library, pin=lambda: next(pins), label="gate", slot=3, key_label="door")
    identity = Identity(_files(papers, papers.device), token)
    for _ in range(2):
        identity.context()
    assert given[0] == {
        "pkcs11_lib": f"the library {library}",
        "user_pin": "first",
        "slot_id": 3,
        "token_label": "gate",
        "private_key_label": "door",
        "cert_file_contents": papers.device.cert.read_bytes(),
    }
    assert given[1]["user_pin"] == "second"


def test_a_certificate_that_is_missing_beside_the_token_is_named(papers: Papers, tmp_path: Path) -> None:
    token = Token(library=tmp_path / "libtoken.so", pin=lambda: PIN)
    none = Paper(tmp_path / "none.pem", tmp_path / "none.key")
    with pytest.raises(Refused, match=r"mqtt\.tls\.cert: .*none\.pem cannot be read: No such file"):
        Identity(_files(papers, none), token).check()
    with pytest.raises(Refused, match="holds no certificate in PEM form"):
        Identity(TlsFiles(ca=papers.ca, cert=papers.device.key), token).check()


class Hsm:
    """A token of SoftHSM with the keys of two certificates."""

    def __init__(self, folder: Path, papers: Papers) -> None:
        assert UTIL is not None
        self.library = next(
            path
            for path in (Path(UTIL).parents[1] / "lib/softhsm/libsofthsm2.so", *Path("/usr/lib").glob("*/softhsm/*.so"))
            if path.exists()
        )
        self._run("--init-token", "--free", "--label", "gate", "--so-pin", "0815", "--pin", PIN)
        self.papers = {"ecdsa": papers.issue("of-token"), "rsa": papers.issue("rsa-of-token", is_rsa=True)}
        for number, (name, paper) in enumerate(self.papers.items()):
            pkcs8 = folder / f"{name}.pk8"
            subprocess.run(["openssl", "pkcs8", "-topk8", "-nocrypt", "-in", paper.key, "-out", pkcs8], check=True)
            self._run("--import", str(pkcs8), "--token", "gate", "--label", name, "--id", f"0{number}", "--pin", PIN)

    def _run(self, *arguments: str) -> None:
        subprocess.run([str(UTIL), "--module", str(self.library), *arguments], check=True, capture_output=True)

    def token(self, pin: str, label: str = "gate", key: str = "ecdsa") -> Token:
        return Token(library=self.library, pin=lambda: pin, label=label, key_label=key)


@pytest.fixture(scope="module")
def hsm(tmp_path_factory: pytest.TempPathFactory, papers: Papers) -> Iterator[Hsm]:
    if UTIL is None:
        pytest.skip("softhsm2 is not installed: no token to try PKCS#11 with")
    folder = tmp_path_factory.mktemp("hsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(folder / "softhsm2.conf"))
        yield Hsm(folder, papers)


@pytest.mark.broker
@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_a_key_in_a_token_connects_and_delivers(hsm: Hsm, papers: Papers, tmp_path: Path, kind: str) -> None:
    states = States()
    identity = Identity(_files(papers, hsm.papers[kind]), hsm.token(PIN, key=kind))
    with Mosquitto(tmp_path / "broker", tls=papers.server) as broker:
        transport = AwsIotTransport(
            host=HOST, port=broker.port, client_id="gate-01", identity=identity, on_state=states
        )
        transport.open()
        try:
            states.wait_until(True)
            assert transport.send(note()).result(PATIENCE).outcome is Outcome.DELIVERED
        finally:
            transport.close(Seconds(2.0))


@pytest.mark.parametrize(("label", "key"), [("other", "rsa"), ("gate", "none")])
def test_a_token_or_key_that_is_not_there_is_named(hsm: Hsm, papers: Papers, label: str, key: str) -> None:
    identity = Identity(_files(papers, hsm.papers["rsa"]), hsm.token(PIN, label, key))
    with pytest.raises(Refused, match=f"aws.pkcs11: token {label}, key {key} of .* cannot be used: Could not pick"):
        identity.context()


def test_a_wrong_pin_is_tried_once_lest_the_token_locks_itself(hsm: Hsm, papers: Papers) -> None:
    pins = iter(["0000", "0000", PIN])
    identity = Identity(
        _files(papers, hsm.papers["rsa"]),
        Token(library=hsm.library, pin=lambda: next(pins), label="gate", key_label="rsa"),
    )
    with pytest.raises(Refused, match="CKR_PIN_INCORRECT"):
        identity.context()
    with pytest.raises(Refused, match="the token refused this PIN; it waits for the file to hold another"):
        identity.context()
    identity.context()


def _files(papers: Papers, paper: Paper) -> TlsFiles:
    return TlsFiles(ca=papers.ca, cert=paper.cert)
