"""A daemon and a browser for the tests of each file here, and each test leaves no complaint on a console."""

from collections.abc import Iterator
from time import time
from zoneinfo import ZoneInfo

import pytest
from tests.end_to_end.daemon import MASKED, write_scene
from tests.web.browsing import CHROMIUM, HOSTILE, USER, ZONE, Browsing, browsing
from tests.web.history import History
from tests.web.served import add_user, served


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browsing]:
    """A gate where somebody comes every three seconds, with a history and an operator."""
    if not CHROMIUM.exists():
        pytest.skip("Debian's chromium is not installed")
    folder = tmp_path_factory.mktemp("browser")
    history = History(folder / "edge-mask.db", time(), ZoneInfo(ZONE))
    history.fill(8)
    history.alert(time() - 30, kind="no_mask", camera="hall", text=HOSTILE, streak=6)
    history.fault(time() - 40, component=HOSTILE, code="away", text=HOSTILE)
    device = {"thing_name": "gate-01", "timezone": ZONE, "labels": {"name": "East <b>entrance</b>"}}
    snapshots = {"visits": "all", "latest": "on", "latest_every": "1s"}
    # Somebody who was away for less than 1.5 s is the same visitor.
    scene = write_scene(folder / "visitors", [*[MASKED] * 6, *[None] * 19])
    cameras = [{"name": "front", "source": f"images:{scene}", "role": "gate", "interval": "0.1s", "loop": True}]
    with served(folder, device=device, snapshots=snapshots, cameras=cameras) as house:
        add_user(house.config, USER)
        add_user(house.config, "lee", "viewer")
        with browsing(house) as found:
            yield found


@pytest.fixture(autouse=True)
def nobody_complains(desk: Browsing) -> Iterator[None]:
    """Errors of scripts and what the policy of contents has refused; a test takes out what it has provoked."""
    yield
    found, desk.complaints[:] = list(desk.complaints), []
    assert not found
