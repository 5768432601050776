"""One line when it goes, one when it is back, one report for each outage."""

import logging

import pytest

from edge_mask.messages import Fault
from edge_mask.runtime.clock import ManualClock
from edge_mask.runtime.outage import Outage


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
