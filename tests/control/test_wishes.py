"""A wish from outside becomes the overlay in force; or nothing changes and the answer says why."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from tests.control.site import Site, running
from tests.waiting import PATIENCE

from edge_mask.app.plan import Plan
from edge_mask.errors import ConfigurationError, DatabaseError, Refused, TryLater
from edge_mask.settings import overlay as overlays
from edge_mask.settings.overlay import NotFromOutside


def got(future: "Future[Any]") -> Any:
    return future.result(PATIENCE)


def interval(seconds: int) -> dict[str, Any]:
    return {"health": {"interval": f"{seconds}s"}}


def test_a_wish_is_in_force_and_is_found_again_at_the_next_start(tmp_path: Path) -> None:
    site = Site(tmp_path)
    before = site.config.read_bytes()
    with running(site):
        applied = got(site.wishes.configure(interval(7), "command configure"))
        assert applied.changed == ("health.interval",)
        assert applied.in_force == site.wishes.in_force()
        assert (applied.in_force.version, applied.in_force.config) == (1, interval(7))
    assert site.config.read_bytes() == before
    assert site.kept == {"version": 1, "config": interval(7)}
    with running(Site(tmp_path)) as again:
        assert (again.interval, again.wishes.in_force().version) == (7.0, 1)


def test_a_null_takes_a_wish_back(tmp_path: Path) -> None:
    with running(Site(tmp_path)) as site:
        got(site.wishes.configure(interval(7), "shadow"))
        applied = got(site.wishes.configure({"health": {"interval": None}}, "shadow"))
        assert (site.interval, applied.changed) == (30.0, ("health.interval",))


def test_a_whole_overlay_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    with running(Site(tmp_path)) as site:
        got(site.wishes.configure({**interval(7), "log": {"level": "debug"}}, "shadow"))
        applied = got(site.wishes.replace({"gate": {"votes": 3}}, "nucleus"))
        assert applied.changed == ("gate.votes", "log.level", "health.interval")
        assert site.wishes.in_force().config == {"gate": {"votes": 3}}


def test_a_wish_that_holds_already_builds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[object] = []
    with running(Site(tmp_path)) as site:
        got(site.wishes.configure(interval(7), "shadow"))
        monkeypatch.setattr(site.wishes, "looks_with", built.append)
        applied = got(site.wishes.configure(interval(7), "shadow"))
    assert (applied.in_force.version, applied.changed, built) == (1, (), [])


LONG = f"rtsp://camera/{'x' * 10**6}"


@pytest.mark.parametrize(
    ("wish", "kind", "sentence"),
    [
        ({"health": {"interval": "soon"}}, ConfigurationError, "health.interval"),
        ({"outbox": {"path": "elsewhere.db"}}, NotFromOutside, "cannot be set from outside"),
        ({"mqtt": {"host": "elsewhere"}}, NotFromOutside, "cannot be set from outside"),
        ({"mqtt": {"host": None}}, NotFromOutside, "cannot be set from outside"),
        ({"web": {"enabled": True}}, NotFromOutside, "cannot be set from outside"),
        ({"device": {"thing_name": "other"}}, NotFromOutside, "device.thing_name"),
        ({"helth": {}}, ConfigurationError, 'did you mean "health"'),
        ({"rules": ["none.yaml"]}, NotFromOutside, "rules[0]: names a place on this device"),
        (
            {"cameras": [{"name": "c", "source": LONG}]},
            ConfigurationError,
            "take more than 1000000 bytes",
        ),
    ],
    ids=lambda value: None if isinstance(value, dict) else str(value)[:30],
)
def test_a_wish_that_is_wrong_changes_nothing(
    tmp_path: Path, wish: dict[str, Any], kind: type[ConfigurationError], sentence: str
) -> None:
    with running(Site(tmp_path)) as site:
        with pytest.raises(kind) as refused:
            got(site.wishes.configure(wish, "command configure"))
        assert sentence in "\n".join(refused.value.problems)
        assert (site.kept, site.interval, site.wishes.in_force().version) == (None, 30.0, 0)


def failing_once(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Returns what makes the next house impossible to build."""
    fails: list[Exception] = []
    real = Plan.build

    def build(self: Plan, door: Any) -> Any:
        if fails:
            raise fails.pop()
        return real(self, door)

    monkeypatch.setattr(Plan, "build", build)
    return lambda: fails.append(DatabaseError("the disk went away"))


def test_a_wish_whose_house_cannot_be_built_is_rolled_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_next = failing_once(monkeypatch)
    with running(Site(tmp_path)) as site:
        got(site.wishes.configure(interval(7), "shadow"))
        fail_next()
        with pytest.raises(DatabaseError, match="went away"):
            got(site.wishes.configure(interval(9), "shadow"))
        assert (site.interval, site.wishes.in_force().version) == (7.0, 1)
        assert site.wishes.in_force().config == interval(7)


def test_a_wish_that_cannot_be_kept_does_not_stay_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def keep(*_anything: Any) -> None:
        raise OSError(28, "No space left on device")

    with running(Site(tmp_path)) as site:
        monkeypatch.setattr(overlays, "keep", keep)
        with pytest.raises(Refused, match="the wish cannot be kept: No space left on device"):
            got(site.wishes.configure(interval(9), "shadow"))
        assert (site.kept, site.wishes.in_force().version) == (None, 0)


def test_a_wish_that_there_is_no_room_to_keep_does_not_end_the_house(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_the_way = tmp_path / "edge-mask.db.overlay.json.new"
    built: list[object] = []
    with running(Site(tmp_path)) as site:
        with monkeypatch.context() as noted:
            noted.setattr(site.wishes, "looks_with", built.append)
            in_the_way.mkdir()  # what a full disk does: nothing can be written
            with pytest.raises(TryLater, match=r"overlay\.json: the wish cannot be kept: "):
                got(site.wishes.configure(interval(9), "shadow"))
        assert (site.kept, site.wishes.in_force().version, built) == (None, 0, [])
        in_the_way.rmdir()
        got(site.wishes.configure(interval(9), "shadow"))
        assert site.kept == {"version": 1, "config": interval(9)}
        assert not in_the_way.exists()


def test_a_wish_that_was_not_built_leaves_nothing_beside_the_overlay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_next = failing_once(monkeypatch)
    with running(Site(tmp_path)) as site:
        fail_next()
        with pytest.raises(DatabaseError, match="went away"):
            got(site.wishes.configure(interval(9), "shadow"))
        assert list(tmp_path.glob("*.overlay.json*")) == []


def test_a_storm_of_wishes_is_carried_out_one_after_the_other_and_none_is_lost(tmp_path: Path) -> None:
    with running(Site(tmp_path)) as site:
        wishes: list[dict[str, Any]] = [{"device": {"labels": {"name": f"n{n}"}}} for n in range(4)]
        wishes += [{"gate": {"votes": 3}}, {"cctv": {"streak": 4}}]
        for answer in [site.wishes.configure(wish, "shadow") for wish in wishes]:
            got(answer)
        assert site.wishes.in_force().config == {
            "device": {"labels": {"name": "n3"}}, "gate": {"votes": 3}, "cctv": {"streak": 4},
        }  # fmt: skip


def test_a_reload_says_what_has_changed_in_the_file(tmp_path: Path) -> None:
    with running(Site(tmp_path)) as site:
        site.config.write_text(site.config.read_text() + "log: {level: debug}\ngate: {votes: 7}\n")
        assert got(site.wishes.reload()).changed == ("gate.votes", "log.level")
        assert got(site.wishes.reload()).changed == ()


def test_a_wish_before_the_start_or_after_the_end_is_told_to_come_later(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with running(site):
        pass
    late = site.wishes.configure(interval(7), "shadow")
    site.supervisor.door.refuse_all()
    with pytest.raises(TryLater, match="stopping"):
        got(late)


def test_the_answer_comes_after_the_house_that_was_asked_has_stopped(tmp_path: Path) -> None:
    with running(Site(tmp_path)) as site:
        [old] = [thread for thread in threading.enumerate() if thread.name == "ledger"]
        is_over: Future[bool] = Future()
        answer = site.wishes.configure(interval(7), "shadow")
        answer.add_done_callback(lambda _applied: is_over.set_result(not old.is_alive()))
        assert got(is_over)
