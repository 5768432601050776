"""What is said about certificates that do not work, through the AWS SDK and a mosquitto that asks for them."""

import logging
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from queue import SimpleQueue

import pytest
from tests.broker import HOST, Mosquitto
from tests.deliver.stages import States, note
from tests.papers import A_DAY, Paper, Papers
from tests.waiting import PATIENCE

from edge_mask.deliver.aws_iot import AwsIotTransport
from edge_mask.deliver.aws_iot_identity import Identity
from edge_mask.deliver.tls import TlsFiles
from edge_mask.errors import Refused
from edge_mask.messages import Outcome
from edge_mask.runtime.outage import Backoff
from edge_mask.units import Seconds

pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return Papers(tmp_path_factory.mktemp("papers"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return Papers(tmp_path_factory.mktemp("stranger"))


@pytest.fixture(scope="module")
def broker(papers: Papers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path_factory.mktemp("broker"), tls=papers.server) as broker:
        yield broker


class Warned(logging.Handler):
    """What the transport logged, for a test that waits for it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._lines: SimpleQueue[str] = SimpleQueue()

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.put(record.getMessage())

    def wait_for(self, words: str) -> None:
        while words not in self._lines.get(timeout=PATIENCE):
            pass


@pytest.fixture
def warned() -> Iterator[Warned]:
    made = Warned()
    logger = logging.getLogger("edge_mask.deliver.aws_iot")
    logger.addHandler(made)
    yield made
    logger.removeHandler(made)


@contextmanager
def connecting(
    port: int, files: TlsFiles, *, refused_backoff: Backoff | None = None
) -> Iterator[tuple[States, AwsIotTransport]]:
    states = States()
    transport = AwsIotTransport(
        host=HOST,
        port=port,
        client_id="gate-01",
        identity=Identity(files),
        on_state=states,
        connect_timeout=0.5,
        look_every=0.1,
        backoff=Backoff(base=3600.0, cap=3600.0),
        refused_backoff=refused_backoff or Backoff(base=3600.0, cap=3600.0),
    )
    transport.open()
    try:
        yield states, transport
    finally:
        transport.close(Seconds(2.0))


def said_of(port: int, papers: Papers, paper: Paper, ca: Path | None = None) -> str:
    with connecting(port, TlsFiles(ca=ca or papers.ca, cert=paper.cert, key=paper.key)) as (states, _):
        return states.wait_until(False)


def test_an_expired_certificate_is_called_expired(broker: Mosquitto, papers: Papers) -> None:
    old = papers.issue("old", begins=-30 * A_DAY, ends=-A_DAY)
    said = said_of(broker.port, papers, old)
    assert f"no TLS connection to {HOST}:{broker.port}: the certificate {old.cert} expired on " in said
    assert "the clock of this device says " in said


def test_a_certificate_that_is_not_valid_yet_is_called_so(broker: Mosquitto, papers: Papers) -> None:
    early = papers.issue("early", begins=A_DAY)
    assert f"the certificate {early.cert} is not valid before " in said_of(broker.port, papers, early)


def test_a_certificate_of_another_authority_is_refused_by_the_broker(
    broker: Mosquitto, papers: Papers, stranger: Papers
) -> None:
    said = said_of(broker.port, papers, stranger.device)
    assert f"the broker does not accept the certificate {stranger.device.cert}: unknown ca" in said


def test_a_wrong_authority_is_named_long_before_the_sdk_tells(
    broker: Mosquitto, papers: Papers, stranger: Papers
) -> None:
    said = said_of(broker.port, papers, papers.device, ca=stranger.ca)
    assert "the certificate of the broker is not trusted: " in said
    assert f"(mqtt.tls.ca is {stranger.ca}; is that the authority of this broker?)" in said


def test_an_expired_certificate_of_the_broker_is_not_taken_for_ours(papers: Papers, tmp_path: Path) -> None:
    server = papers.of_a_server("expired-server", ends=-A_DAY)
    with Mosquitto(tmp_path / "broker", tls=server) as broker:
        said = said_of(broker.port, papers, papers.device)
    assert "the certificate of the broker is not trusted: certificate has expired" in said


def test_the_certificate_of_another_host_is_not_believed(papers: Papers, tmp_path: Path) -> None:
    server = papers.of_a_server("elsewhere", "broker.example.org")
    with Mosquitto(tmp_path / "broker", tls=server) as broker:
        said = said_of(broker.port, papers, papers.device)
    assert "not valid for '127.0.0.1'" in said


def test_a_key_of_another_certificate_is_refused_before_anything_is_sent(papers: Papers, stranger: Papers) -> None:
    files = TlsFiles(ca=papers.ca, cert=papers.device.cert, key=stranger.device.key)
    with pytest.raises(Refused, match=f"the key {stranger.device.key} does not belong to the certificate"):
        AwsIotTransport(host=HOST, client_id="gate-01", identity=Identity(files)).open()


def test_a_missing_file_is_named(papers: Papers, tmp_path: Path) -> None:
    files = TlsFiles(ca=papers.ca, cert=tmp_path / "none.pem", key=papers.device.key)
    with pytest.raises(Refused, match=r"tls\.cert: .*none\.pem cannot be read: No such file"):
        AwsIotTransport(host=HOST, client_id="gate-01", identity=Identity(files)).open()


def test_a_server_that_says_nothing_is_said_to_be_tried_still(papers: Papers) -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        said = said_of(port, papers, papers.device)
    assert said == f"{HOST}:{port} does not answer yet; still trying"


def test_a_port_without_tls_is_hinted_at(broker: Mosquitto, papers: Papers) -> None:
    assert "does the port speak TLS?" in said_of(broker.plain_port, papers, papers.device)


def test_a_certificate_replaced_while_running_is_used_without_an_outage(
    broker: Mosquitto, papers: Papers, tmp_path: Path
) -> None:
    mine = Paper(tmp_path / "mine.pem", tmp_path / "mine.key")
    _put(papers.device, mine)
    with connecting(broker.port, TlsFiles(ca=papers.ca, cert=mine.cert, key=mine.key)) as (states, transport):
        states.wait_until(True)
        _put(papers.issue("newer"), mine)
        states.wait_for(lambda told: [is_there for is_there, _ in told].count(True) == 2)
        assert transport.send(note()).result(PATIENCE).outcome is Outcome.DELIVERED
    assert [is_there for is_there, _ in states.told] == [True, True, False]  # the last one is our own close


def test_an_unusable_certificate_put_in_place_while_running_leaves_the_connection_alone(
    broker: Mosquitto, papers: Papers, stranger: Papers, tmp_path: Path, warned: Warned
) -> None:
    mine = Paper(tmp_path / "mine.pem", tmp_path / "mine.key")
    _put(papers.device, mine)
    with connecting(broker.port, TlsFiles(ca=papers.ca, cert=mine.cert, key=mine.key)) as (states, transport):
        states.wait_until(True)
        shutil.copy(stranger.device.key, mine.key)
        warned.wait_for("the new certificate files cannot be used")
        assert transport.send(note()).result(PATIENCE).outcome is Outcome.DELIVERED
        assert len(states.told) == 1


def test_a_good_certificate_put_in_place_of_an_expired_one_needs_no_restart(
    broker: Mosquitto, papers: Papers, tmp_path: Path
) -> None:
    mine = Paper(tmp_path / "mine.pem", tmp_path / "mine.key")
    _put(papers.issue("older", begins=-30 * A_DAY, ends=timedelta(hours=-1)), mine)
    files = TlsFiles(ca=papers.ca, cert=mine.cert, key=mine.key)
    with connecting(broker.port, files, refused_backoff=Backoff(base=0.05, cap=0.05)) as (states, _):
        states.wait_until(False)
        _put(papers.device, mine)
        states.wait_until(True)


def _put(paper: Paper, place: Paper) -> None:
    shutil.copy(paper.cert, place.cert)
    shutil.copy(paper.key, place.key)


def test_a_second_cause_of_one_outage_is_logged_too(
    broker: Mosquitto, papers: Papers, tmp_path: Path, warned: Warned
) -> None:
    mine = Paper(tmp_path / "mine.pem", tmp_path / "mine.key")
    _put(papers.issue("gone", begins=-30 * A_DAY, ends=-A_DAY), mine)
    files = TlsFiles(ca=papers.ca, cert=mine.cert, key=mine.key)
    with connecting(broker.port, files, refused_backoff=Backoff(base=0.05, cap=0.05)) as (states, _):
        states.wait_until(False)
        mine.cert.unlink()
        warned.wait_for(f"still away, now because: tls.cert: {mine.cert} cannot be read: No such file or directory")
