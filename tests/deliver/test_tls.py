"""Mutual TLS against a real broker, and what is said about files that cannot be used."""

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import trustme
from tests.broker import HOST, Mosquitto, ServerTls
from tests.deliver.stages import States, note
from tests.waiting import PATIENCE

from edge_mask.deliver.paho import PahoTransport
from edge_mask.deliver.tls import TlsFiles, context
from edge_mask.errors import Refused
from edge_mask.messages import Outcome
from edge_mask.runtime.outage import Backoff
from edge_mask.units import Seconds


@dataclass(frozen=True)
class Papers:
    """A folder of certificates: the broker's, the device's, a stranger's."""

    ca: Path
    cert: Path
    key: Path
    server: ServerTls
    other_ca: Path
    other_cert: Path
    other_key: Path


def _write(folder: Path, name: str, blob: trustme.Blob) -> Path:
    path = folder / name
    blob.write_to_path(str(path))
    return path


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    folder = tmp_path_factory.mktemp("papers")
    authority, stranger = trustme.CA(), trustme.CA()
    server, device = authority.issue_cert(HOST, "localhost"), authority.issue_cert("gate-01@example.org")
    other = stranger.issue_cert("gate-02@example.org")
    ca = _write(folder, "ca.pem", authority.cert_pem)
    return Papers(
        ca=ca,
        cert=_write(folder, "device.pem", device.cert_chain_pems[0]),
        key=_write(folder, "device.key", device.private_key_pem),
        server=ServerTls(
            ca=ca,
            cert=_write(folder, "server.pem", server.cert_chain_pems[0]),
            key=_write(folder, "server.key", server.private_key_pem),
        ),
        other_ca=_write(folder, "other-ca.pem", stranger.cert_pem),
        other_cert=_write(folder, "other.pem", other.cert_chain_pems[0]),
        other_key=_write(folder, "other.key", other.private_key_pem),
    )


@pytest.fixture
def tls_broker(papers: Papers, tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "tls", tls=papers.server) as broker:
        yield broker


@pytest.mark.broker
@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_device_with_its_certificate_connects_and_delivers(
    tls_broker: Mosquitto, papers: Papers, version: str
) -> None:
    states = States()
    files = TlsFiles(ca=papers.ca, cert=papers.cert, key=papers.key)
    transport = PahoTransport(
        host=HOST,
        port=tls_broker.port,
        client_id="gate-01",
        version="5" if version == "5" else "3.1.1",
        tls=files,
        on_state=states,
    )
    transport.open()
    states.wait_until(True)
    futures = [transport.send(note("x" * 20_000)) for _ in range(50)]
    assert {future.result(PATIENCE).outcome for future in futures} == {Outcome.DELIVERED}
    transport.close(Seconds(5.0))


@pytest.mark.broker
def test_small_packets_leave_at_once_with_tls_too(tls_broker: Mosquitto, papers: Papers) -> None:
    """The socket is found among the process's own: no driver shows it."""
    states, files = States(), TlsFiles(ca=papers.ca, cert=papers.cert, key=papers.key)
    transport = PahoTransport(host=HOST, port=tls_broker.port, client_id="gate-01", tls=files, on_state=states)
    transport.open()
    states.wait_until(True)
    ours = next(each for each in psutil.Process().net_connections("tcp") if each.raddr[-1:] == (tls_broker.port,))
    with socket.socket(fileno=os.dup(ours.fd)) as copy:
        assert copy.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    transport.close(Seconds(5.0))


@pytest.mark.broker
@pytest.mark.parametrize(
    "choose",
    [
        pytest.param(lambda p: TlsFiles(ca=p.other_ca, cert=p.cert, key=p.key), id="wrong authority"),
        pytest.param(lambda p: TlsFiles(ca=p.ca, cert=p.other_cert, key=p.other_key), id="certificate of a stranger"),
        pytest.param(lambda p: TlsFiles(ca=p.ca), id="no certificate"),
    ],
)
def test_a_connection_that_tls_forbids_is_a_state_with_the_longest_wait(
    tls_broker: Mosquitto, papers: Papers, choose: Callable[[Papers], TlsFiles]
) -> None:
    states = States()
    transport = PahoTransport(
        host=HOST,
        port=tls_broker.port,
        client_id="gate-01",
        tls=choose(papers),
        on_state=states,
        backoff=Backoff(base=3600.0, cap=3600.0),
        refused_backoff=Backoff(base=0.02, cap=0.1),
    )
    transport.open()
    states.wait_for(lambda told: len(told) >= 2)  # the second attempt comes from the refused backoff only
    assert {state for state, _ in states.told} == {False}
    assert "no TLS connection" in states.told[0][1]
    transport.close(Seconds(5.0))


@pytest.mark.broker
def test_a_port_that_wants_tls_is_hinted_at(tls_broker: Mosquitto) -> None:
    states = States()
    transport = PahoTransport(host=HOST, port=tls_broker.port, client_id="gate-01", on_state=states)
    transport.open()
    assert "does this port want TLS? then set mqtt.tls" in states.wait_until(False)
    transport.close(Seconds(5.0))


@pytest.mark.broker
def test_a_port_that_speaks_no_tls_is_hinted_at(broker: Mosquitto, papers: Papers) -> None:
    states = States()
    transport = PahoTransport(
        host=HOST, port=broker.port, client_id="gate-01", tls=TlsFiles(ca=papers.ca), on_state=states
    )
    transport.open()
    assert "does this port speak TLS? otherwise leave out mqtt.tls" in states.wait_until(False)
    transport.close(Seconds(5.0))


def test_a_name_that_is_not_in_the_certificate_is_not_believed(papers: Papers, tmp_path: Path) -> None:
    authority = trustme.CA()
    elsewhere = authority.issue_cert("broker.example.org")
    ca = _write(tmp_path, "ca.pem", authority.cert_pem)
    server = ServerTls(
        ca=ca,
        cert=_write(tmp_path, "server.pem", elsewhere.cert_chain_pems[0]),
        key=_write(tmp_path, "server.key", elsewhere.private_key_pem),
    )
    states = States()
    with Mosquitto(tmp_path / "elsewhere", tls=server) as broker:
        transport = PahoTransport(
            host=HOST, port=broker.port, client_id="gate-01", tls=TlsFiles(ca=ca), on_state=states
        )
        transport.open()
        assert "not valid for" in states.wait_until(False)
        transport.close(Seconds(5.0))


def test_files_that_cannot_be_used_are_refused_by_name(papers: Papers, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a certificate")
    missing = tmp_path / "missing.pem"
    cases = [
        (TlsFiles(ca=missing), f"tls.ca: {missing} cannot be read: No such file"),
        (TlsFiles(ca=papers.ca, cert=papers.cert, key=missing), f"tls.key: {missing} cannot be read"),
        (TlsFiles(ca=tmp_path), f"tls.ca: {tmp_path} cannot be read: Is a directory"),
        (TlsFiles(ca=text), f"tls.ca: {text} holds no certificate"),
        (TlsFiles(cert=text, key=papers.key), f"{text} and {papers.key} are not a certificate and its key"),
        (TlsFiles(cert=papers.cert, key=papers.other_key), f"{papers.other_key} does not belong to"),
        (TlsFiles(cert=papers.cert), "needs both `cert` and `key`"),
    ]
    for files, sentence in cases:
        with pytest.raises(Refused) as refused:
            context(files)
        assert sentence in str(refused.value)


def test_an_encrypted_key_is_refused_instead_of_asking_on_the_terminal(papers: Papers, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    key = load_pem_private_key(papers.key.read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    with pytest.raises(Refused, match="the key is encrypted"):
        context(TlsFiles(ca=papers.ca, cert=papers.cert, key=locked))


@pytest.mark.broker
def test_a_certificate_put_in_place_of_one_that_was_refused_needs_no_restart(
    tls_broker: Mosquitto, papers: Papers, tmp_path: Path
) -> None:
    cert, key = tmp_path / "mine.pem", tmp_path / "mine.key"
    shutil.copy(papers.other_cert, cert)
    shutil.copy(papers.other_key, key)
    states = States()
    transport = PahoTransport(
        host=HOST,
        port=tls_broker.port,
        client_id="gate-01",
        tls=TlsFiles(ca=papers.ca, cert=cert, key=key),
        on_state=states,
        refused_backoff=Backoff(base=0.02, cap=0.1),
    )
    transport.open()
    states.wait_until(False)
    shutil.copy(papers.cert, cert)
    shutil.copy(papers.key, key)
    states.wait_until(True)
    transport.close(Seconds(5.0))


def test_open_refuses_what_can_never_connect(papers: Papers) -> None:
    transport = PahoTransport(
        host=HOST, client_id="gate-01", tls=TlsFiles(ca=papers.ca, cert=papers.cert, key=papers.other_key)
    )
    with pytest.raises(Refused, match="does not belong"):
        transport.open()
    transport.close(Seconds(1.0))
