"""Several visitors, one thermometer, through the installed command: each is told with their own temperature or none."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.detect import packages
from tests.end_to_end.daemon import BARE, MASKED, Daemon, edge_mask, lines, write_config, write_model

Place = tuple[int, int, int, int]
Look = Sequence[tuple[Place, tuple[int, int, int]]]
LEFT, RIGHT = (0, 160, 160, 160), (480, 160, 160, 160)
"""As near as each other: who came first, or stands further left, has the thermometer."""
NOBODY: Look = ()


def write_film(folder: Path, looks: Sequence[Look]) -> str:
    """One picture for each look, with its squares; no two are the same."""
    folder.mkdir()
    for number, squares in enumerate(looks):
        image = packages.picture((640, 480), *squares)
        image[0, 0] = (number * 7 % 256, number * 13 % 256, 200)
        image[400:, :] = 90
        packages.write_picture(folder / f"{number:04}.png", image)
    return f"images:{folder}"


def visits(site: Path, looks: Sequence[Look], readings: str, **gate: Any) -> list[tuple[str, list[str], float | None]]:
    """Verdict, reasons and temperature of each visit in the history, once all looks were taken."""
    write_model(site)
    (site / "t.csv").write_text("seconds,value\n" + readings)
    config = write_config(
        site,
        None,
        cameras=[{"name": "front", "source": write_film(site / "film", looks), "interval": "0.1s"}],
        sensors=[{"name": "forehead", "kind": "replay", "path": str(site / "t.csv"), "loop": True}],
        gate={"votes": 3, "still": "ignore", "temperature_sensor": "forehead", **gate},
    )
    with Daemon(config, "--until-idle") as daemon:
        assert daemon.wait() == 0
    found = lines(edge_mask("history", "--json", "--config", config, cwd=site).out)
    return [(each["verdict"], each["reasons"], each["temperature"]) for each in found]


def test_two_at_once_and_one_after_them_each_get_their_own_temperature_or_none(tmp_path: Path) -> None:
    """Each reading has a value of its own: 38, and 0.01 more every 50 ms."""
    readings = "".join(f"{number * 0.05:.2f},{38 + number / 100:.2f}\n" for number in range(2000))
    together: Look = [(LEFT, MASKED), (RIGHT, BARE)]
    looks = [together] * 28 + [NOBODY] * 18 + [[(RIGHT, BARE)]] * 6 + [NOBODY]
    found = visits(tmp_path, looks, readings)
    assert sorted((verdict, *reasons) for verdict, reasons, _ in found) == [
        ("no_pass", "fever"), ("no_pass", "no_mask", "fever"), ("no_pass", "no_mask", "temperature_missing"),
    ]  # fmt: skip
    told = {tuple(reasons): temperature for _, reasons, temperature in found}
    assert told["no_mask", "temperature_missing"] is None
    first, third = told["fever",], told["no_mask", "fever"]
    assert first is not None
    assert third is not None
    assert third - first > 0.7, "between them lie four seconds, or more on a busy machine"
    with closing(sqlite3.connect(tmp_path / "edge-mask.db")) as database:
        alerts = database.execute("SELECT kind, value FROM alerts ORDER BY rowid").fetchall()
    assert alerts == [("fever", first), ("fever", third)], "an alert tells the temperature of its visit"


def test_a_thermometer_that_fell_silent_before_somebody_came_says_nothing_of_them(tmp_path: Path) -> None:
    """The one reading was taken while nobody stood there, and the next one comes in an hour."""
    looks: list[Look] = [NOBODY] * 5 + [[(LEFT, MASKED)]] * 4 + [NOBODY]
    readings = "0,36.5\n3600,36.6\n"
    assert visits(tmp_path, looks, readings, without_temperature="ignore") == [("pass", [], None)]
