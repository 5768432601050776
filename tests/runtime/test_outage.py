"""One line when it goes, one when it is back, one report for each outage."""

import logging

import pytest

from edge_mask.messages import Fault
from edge_mask.runtime.clock import ManualClock
from edge_mask.runtime.outage import Outage
from edge_mask.units import Seconds


def test_an_outage_is_worth_two_lines_and_one_report(caplog: pytest.LogCaptureFixture) -> None:
    reports: list[Fault] = []
    clock = ManualClock()
    outage = Outage("camera front", logging.getLogger("test.outage"), reports.append, clock)
    with caplog.at_level(logging.INFO, "test.outage"):
        assert not outage.end()
        assert outage.begin("lost", "unplugged")
        for _ in range(5):
            clock.advance(2)
            assert not outage.begin("lost", "still unplugged")
        assert outage.end()
        assert not outage.end()
    assert [record.getMessage() for record in caplog.records] == [
        "camera front: unplugged",
        "camera front: back after 10.0 s",
    ]
    assert [(f.component, f.code, f.text) for f in reports] == [("camera front", "lost", "unplugged")]


def test_a_second_outage_is_reported_again() -> None:
    reports: list[Fault] = []
    outage = Outage("mqtt", logging.getLogger("test.outage"), reports.append, ManualClock())
    for _ in range(2):
        outage.begin("offline", "gone")
        outage.end()
    assert len(reports) == 2


def test_an_outage_that_flaps_is_one_report_and_one_recovery_and_says_of_what(caplog: pytest.LogCaptureFixture) -> None:
    reports: list[Fault] = []
    clock = ManualClock()
    log = logging.getLogger("test.outage")
    outage = Outage("snapshots", log, reports.append, clock, what="writing of pictures", settles=Seconds(60.0))
    with caplog.at_level(logging.INFO, "test.outage"):
        for _ in range(100):
            outage.begin("write_failed", "the disk is full")
            clock.advance(1)
            assert not outage.end()
            clock.advance(1)
        assert not outage.settle()
        clock.advance(60)
        assert outage.settle()
        assert not outage.is_open
    assert [record.getMessage() for record in caplog.records] == [
        "snapshots: the disk is full",
        "snapshots: writing of pictures is back after 199.0 s",
    ]
    assert len(reports) == 1
