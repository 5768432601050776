"""Messages that a destination never takes: they hold up the others for a while, and are set aside then."""

import logging
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.deliver.test_courier import Round, round_of

from edge_mask.deliver.memory import MemoryTransport
from edge_mask.deliver.transport import Sending, offered
from edge_mask.messages import Message, Outcome


class Odd(MemoryTransport):
    """A destination that does to each message what `ways` says."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.ways: dict[str, str] = {}

    def send(self, message: Message) -> Any:
        if self.ways.get(message.id) == "raises":
            raise OverflowError("the library cannot pack this")
        return super().send(message)

    def _answer(self, sending: Sending) -> None:
        match self.ways.get(sending.message.id, ""):
            case "hangs up":
                self._unacknowledged.append(sending)
                self.go_away("closed by the broker")
            case "never answers":
                self._unacknowledged.append(sending)
            case "not now":
                sending.end(Outcome.UNKNOWN, "Quota exceeded", is_suspect=True)
            case "breaks":
                sending.end(Outcome.UNKNOWN, "answered 500", is_suspect=True)
            case "no":
                sending.end(Outcome.REFUSED, "not authorised")
            case _:
                super()._answer(sending)

    def give_up_waiting(self) -> None:
        """As a link does when nothing is acknowledged for twenty seconds."""
        if self._unacknowledged:
            self.go_away("the broker acknowledged nothing for 20 s")


WAYS = ["", "hangs up", "never answers", "not now", "breaks", "no", "raises"]


def run(it: Round, until: Callable[[], bool], hours: float = 6.0) -> None:
    """Turn by turn, with the connection's own timeout, until it has come to pass."""
    transport = it.transport
    assert isinstance(transport, Odd)
    waited = 0.0
    for _ in range(int(hours * 3600)):
        it.steps(1)
        waited = waited + 1.0 if transport._unacknowledged else 0.0
        if waited >= 20.0:
            transport.give_up_waiting()
        if not transport.is_connected:
            transport.come_back()
        if until():
            return
    raise AssertionError(f"after {hours} h there still wait {it.pending()} rows; delivered {it.delivered()}")


def set_aside(it: Round) -> list[tuple[str, str]]:
    connection = it.ledger.file.connection
    found = connection.exec_driver_sql("SELECT message_id, reason FROM outbox WHERE state = 1 ORDER BY id").all()
    connection.rollback()
    return [(row[0], row[1]) for row in found]


@pytest.mark.parametrize("window", [1, 20])
@pytest.mark.parametrize("way", WAYS[1:])
def test_one_message_that_is_never_taken_does_not_stop_those_behind_it(tmp_path: Path, way: str, window: int) -> None:
    with round_of(tmp_path / "db", kind=Odd, window=window) as it:
        it.transport.ways = {"3": way}  # type: ignore[attr-defined]  # an Odd one
        it.record(*range(12))
        run(it, lambda: len(it.delivered()) >= 11)
        for n in range(12, 30):  # life goes on
            it.record(n)
            until = it.clock.now().mono + 25.0
            run(it, lambda: it.delivered()[-1] == n and it.clock.now().mono >= until)  # noqa: B023 (called now)
        run(it, lambda: it.pending() == 0)
        assert it.delivered() == [n for n in range(30) if n != 3]
        ((row, reason),) = set_aside(it)
        assert row == "3"
        assert reason


@pytest.mark.parametrize("way", ["never answers", "breaks"])
def test_several_in_a_row_that_are_never_taken_stop_nobody(tmp_path: Path, way: str) -> None:
    with round_of(tmp_path / "db", kind=Odd, window=1, blames_hang_ups=way != "breaks") as it:
        it.transport.ways = dict.fromkeys(("0", "1", "2"), way)  # type: ignore[attr-defined]  # an Odd one
        it.record(*range(10))
        run(it, lambda: it.pending() == 0)
        assert it.delivered() == list(range(3, 10))
        assert [row for row, _ in set_aside(it)] == ["0", "1", "2"]


def test_a_destination_that_takes_nothing_blames_nobody(tmp_path: Path) -> None:
    with round_of(tmp_path / "db", kind=Odd, window=1) as it:
        it.transport.ways = {str(n): "breaks" for n in range(20)}  # type: ignore[attr-defined]  # an Odd one
        it.record(*range(20))
        for _ in range(4000):
            it.steps(1)
        assert set_aside(it) == []
        it.transport.ways = {}  # type: ignore[attr-defined]  # it is mended
        run(it, lambda: it.pending() == 0)
        assert sorted(it.delivered()) == list(range(20))
        assert set_aside(it) == []


def test_a_server_that_is_restarted_within_a_minute_gets_everything_in_order(tmp_path: Path) -> None:
    with round_of(tmp_path / "db", kind=Odd, window=1, blames_hang_ups=False) as it:
        it.transport.ways = {str(n): "breaks" for n in range(5)}  # type: ignore[attr-defined]  # an Odd one
        it.record(*range(5))
        it.steps(50)
        it.transport.ways = {}  # type: ignore[attr-defined]  # it is back
        run(it, lambda: it.pending() == 0)
        assert it.delivered() == list(range(5))


def test_a_message_that_is_never_taken_and_has_nobody_behind_it_is_offered_for_ever(tmp_path: Path) -> None:
    with round_of(tmp_path / "db", kind=Odd, window=1, blames_hang_ups=False) as it:
        it.transport.ways = {"1": "breaks"}  # type: ignore[attr-defined]  # an Odd one
        it.record(1)
        for _ in range(2000):
            it.steps(1)
        assert not it.courier.is_idle
        it.transport.ways = {}  # type: ignore[attr-defined]  # it is mended
        run(it, lambda: it.pending() == 0)
        assert it.delivered() == [1]


def test_a_message_that_cannot_be_prepared_is_refused() -> None:
    def prepare() -> Message:
        raise OverflowError("the year 31688738506811430 is out of range")

    receipt = offered(MemoryTransport(), prepare).result(0)
    assert receipt.outcome is Outcome.REFUSED
    assert "out of range" in receipt.reason


def test_topics_without_end_that_are_refused_share_one_report(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    with round_of(tmp_path / "db") as it:
        it.transport.refuse(lambda _message: "not authorised")
        for n in range(200):
            it.record(n, topic=f"t/{n}")
        it.steps(40)
        assert it.pending() == 0
        assert len(it.faults) == 65
        assert it.faults[-1].component == "mqtt (other topics)"


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.lists(st.sampled_from(["", *WAYS]), min_size=1, max_size=5), st.sampled_from([1, 2, 20]), st.integers(0, 99))
def test_whatever_is_never_taken_the_others_arrive(
    tmp_path_factory: pytest.TempPathFactory, ways: list[str], window: int, seed: int
) -> None:
    random.seed(seed)
    with round_of(tmp_path_factory.mktemp("outbox") / "db", kind=Odd, window=window) as it:
        it.transport.ways = {str(n): way for n, way in enumerate(ways)}  # type: ignore[attr-defined]  # an Odd one
        it.record(*range(len(ways)))
        good = {n for n, way in enumerate(ways) if not way} | {1000}
        it.record(1000)
        run(it, lambda: good <= set(it.delivered()))
        it.transport.go_away()  # nobody waits for what is still under way
