"""Fixtures for every room: a real broker, somebody who listens to it, and the wheel of this program."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tests.broker import Mosquitto, Subscriber

from component import build

# No test fails because the machine is busy.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A mosquitto of this test's own, on loopback, stopped at the end."""
    with Mosquitto(tmp_path / "mosquitto") as running:
        yield running


@pytest.fixture
def subscriber(broker: Mosquitto) -> Iterator[Subscriber]:
    """Somebody who receives everything that `broker` is told."""
    with Subscriber(broker.port) as listening:
        yield listening


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `component/build.sh` makes, once for all tests that need the wheel: making it takes a few seconds."""
    folder = tmp_path_factory.mktemp("component") / "greengrass-build"
    assert build.main(["--out", str(folder)]) == 0
    return folder


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """At the end, one line for each reason why something was not tested; of a whole file, one is counted."""
    skipped: dict[str, Counter[str]] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        kind = "files" if isinstance(report, pytest.CollectReport) else "tests"
        skipped.setdefault(reason.removeprefix("Skipped: "), Counter())[kind] += 1
    if skipped:
        terminalreporter.section("not tested here")
    for reason, counts in sorted(skipped.items()):
        terminalreporter.line(f"{', '.join(f'{count} {kind}' for kind, count in counts.items())}: {reason}")
