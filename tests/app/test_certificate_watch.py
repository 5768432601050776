"""The warnings before the device's certificate ends: at 30, 7 and 1 days, once each, and when it has ended."""

import shutil
from pathlib import Path

import pytest
from tests.papers import A_DAY, Papers

from edge_mask.app.certificate import CertificateWatch
from edge_mask.deliver.certificate import validity_of
from edge_mask.messages import Fault
from edge_mask.runtime.clock import ManualClock

DAY = 86_400.0


class Site:
    """A certificate of 40 days, a clock, and what was reported."""

    def __init__(self, folder: Path) -> None:
        self.papers = Papers(folder)
        self.cert = folder / "mine.pem"
        shutil.copy(self.papers.issue("first", ends=40 * A_DAY).cert, self.cert)
        self.clock = ManualClock(wall=validity_of(self.cert).ends - 40 * DAY)
        self.reported: list[Fault] = []
        self.history: set[str] = set()
        self.watch = self.restarted()

    def restarted(self) -> CertificateWatch:
        return CertificateWatch(self.cert, self._report, lambda _component, text: text in self.history)

    def _report(self, fault: Fault) -> None:
        self.reported.append(fault)
        self.history.add(fault.text)

    def days(self) -> int | None:
        return self.watch(self.clock.now())


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_each_term_is_told_once(site: Site) -> None:
    days = []
    for _ in range(42 * 24):
        days.append(site.days())
        site.clock.advance(DAY / 24)
    assert days[0] == 40
    assert days[-1] == -2
    assert [fault.code for fault in site.reported] == ["certificate_expires"] * 3 + ["certificate_expired"]
    assert [fault.text.split(", on")[0].removeprefix(f"{site.cert} ") for fault in site.reported[:3]] == [
        "expires within 30 days",
        "expires within 7 days",
        "expires within a day",
    ]
    assert site.reported[3].text.startswith(f"{site.cert} expired on 20")
    assert all("no restart is needed" in fault.text for fault in site.reported)


def test_a_device_that_was_off_is_told_the_shortest_term_only(site: Site) -> None:
    site.clock.advance(36 * DAY)
    site.days()
    assert [fault.text.split(", on")[0] for fault in site.reported] == [f"{site.cert} expires within 7 days"]


def test_a_restart_tells_nothing_again(site: Site) -> None:
    site.clock.advance(36 * DAY)
    site.days()
    site.watch = site.restarted()
    assert site.days() == 4
    assert len(site.reported) == 1


def test_a_new_certificate_is_seen_and_has_terms_of_its_own(site: Site) -> None:
    site.clock.advance(36 * DAY)
    site.days()
    shutil.copy(site.papers.issue("second", ends=80.5 * A_DAY).cert, site.cert)
    assert site.days() == 44
    site.clock.advance(40 * DAY)
    assert site.days() == 4
    assert len(site.reported) == 2


def test_a_clock_that_is_not_set_says_nothing(site: Site) -> None:
    site.clock.synced = False
    site.clock.advance(100 * DAY)
    assert site.days() is None
    assert site.reported == []


def test_a_file_that_is_gone_says_nothing(site: Site) -> None:
    site.cert.unlink()
    assert site.days() is None
    assert site.reported == []
