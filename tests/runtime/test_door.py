"""A house asks the main thread for another configuration, and hears what came of it."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from edge_mask.errors import ConfigurationError, Refused, TryLater
from edge_mask.runtime.clock import SystemClock
from edge_mask.runtime.door import Blueprint, Door
from edge_mask.runtime.house import House
from edge_mask.runtime.supervisor import Supervisor
from edge_mask.runtime.worker import Job, Worker

CLOCK = SystemClock(lambda: True)


class Resident(Job):
    """Lives in a house until it is stopped."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_in = threading.Event()

    def step(self, stop: threading.Event) -> None:
        self.is_in.set()
        stop.wait(10)


class Named:
    """A blueprint whose house has one resident of that name; each house built is noted."""

    def __init__(
        self, name: str, built: list[str], complain: Callable[[str, str, str], None], why_stay: Callable[[], str]
    ) -> None:
        self.resident = Resident(name)
        self._built = built
        self._complain = complain
        self._why_stay = why_stay

    def build(self, door: Door) -> House:
        if self.resident.name == "unbuildable":
            raise Refused("models/mine: no such model package")
        self.resident = Resident(self.resident.name)
        self._built.append(self.resident.name)
        return House([Worker(self.resident, CLOCK, door.failed)], complain=self._complain, why_stay=self._why_stay)


class Site:
    """A supervisor that runs, and what happened to its houses."""

    def __init__(self) -> None:
        self.built: list[str] = []
        self.kept: list[str] = []
        self.complaints: list[str] = []
        self.waiting = ""
        """What the house would lose by its end."""
        self.supervisor = Supervisor(lambda: self.plan("first"), CLOCK)
        self.door = self.supervisor.door

    def plan(self, name: str) -> Blueprint:
        if name == "wrong":
            raise Refused("gate.votes: 0 is too small")
        return Named(name, self.built, self.complain, lambda: self.waiting)

    def complain(self, *words: str) -> None:
        self.complaints.append(" ".join(words))

    def keep(self, name: str) -> None:
        if name == "unkeepable":
            raise OSError(28, "No space left on device")
        self.kept.append(name)

    def ask(self, name: str) -> None:
        """Ask for that house; raises what came of it."""
        self.door.rebuild(lambda: self.plan(name), lambda: self.keep(name)).result(30)


@contextmanager
def running() -> Iterator[Site]:
    site = Site()
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(site.supervisor.run)
        try:
            yield site
        finally:
            site.door.stop()
            assert ended.result(30) == 0


def test_a_house_that_was_asked_for_stands_and_is_kept_before_the_answer_comes() -> None:
    with running() as site:
        site.ask("second")
        assert (site.built, site.kept, site.complaints) == (["first", "second"], ["second"], [])


def test_a_wrong_wish_leaves_the_old_house_standing_and_the_answer_says_why() -> None:
    with running() as site:
        with pytest.raises(Refused, match=r"gate\.votes: 0 is too small"):
            site.ask("wrong")
        assert (site.built, site.kept) == (["first"], [])
        assert site.complaints == ["configuration refused gate.votes: 0 is too small"]


def test_a_house_that_cannot_be_built_brings_the_old_one_back_and_nothing_was_kept() -> None:
    with running() as site:
        with pytest.raises(Refused, match="no such model package"):
            site.ask("unbuildable")
        assert (site.built, site.kept) == (["first", "first"], [])


def test_what_cannot_be_kept_does_not_run_either() -> None:
    with running() as site:
        with pytest.raises(OSError, match="No space left"):
            site.ask("unkeepable")
        assert (site.built, site.kept) == (["first", "unkeepable", "first"], [])
        site.ask("third")
        assert site.kept == ["third"]


def test_a_house_that_would_lose_what_waits_in_it_stays_until_it_does_not(caplog: pytest.LogCaptureFixture) -> None:
    with running() as site:
        site.waiting = "30 rows wait"
        with pytest.raises(TryLater, match="30 rows wait"):
            site.ask("second")
        with pytest.raises(TryLater, match="30 rows wait"):
            site.door.reload().result(30)
        assert (site.built, site.kept, site.complaints) == (["first"], [], [])
        assert "the old one stays: 30 rows wait" in caplog.text
        site.waiting = ""
        site.ask("second")
        assert (site.built, site.kept) == (["first", "second"], ["second"])


def test_who_asks_while_the_program_stops_gets_an_answer_too() -> None:
    site = Site()
    site.door.stop()
    asked = site.door.rebuild(lambda: site.plan("second"))
    assert site.supervisor.run() == 0
    with pytest.raises(TryLater, match="stopping"):
        asked.result(0)
    assert site.built == []


def test_a_reload_can_be_waited_for() -> None:
    with running() as site:
        site.door.reload().result(30)
        assert site.built == ["first", "first"]


def test_a_storm_of_reloads_is_one() -> None:
    site = Site()
    asked = [site.door.reload() for _ in range(50)]
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(site.supervisor.run)
        for each in asked:
            each.result(30)
        site.door.reload().result(30)
        site.door.stop()
        assert ended.result(30) == 0
    assert site.built == ["first"] * 3


def test_a_wrong_wish_whose_sender_is_answered_is_no_fault_of_the_device() -> None:
    def wrong() -> Blueprint:
        raise ConfigurationError(["gate.votes: 0 is too small"])

    with running() as site:
        with pytest.raises(ConfigurationError):
            site.door.rebuild(wrong, is_answered=True).result(30)
        assert site.complaints == []
        with pytest.raises(ConfigurationError):
            site.door.rebuild(wrong).result(30)
        assert site.complaints == ["configuration refused gate.votes: 0 is too small"]
