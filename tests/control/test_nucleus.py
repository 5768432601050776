"""What a nucleus tells its component: configuration at the start and later, deployments; and what it is told."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from tests.control.component_site import ComponentSite
from tests.nucleus.fake import FakeNucleus

from edge_mask.app.plan import Plan
from edge_mask.errors import DatabaseError
from edge_mask.nucleus.place import SOCKET


@pytest.fixture
def nucleus(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[FakeNucleus]:
    """A classic one, unless the test is marked otherwise."""
    kind: Literal["lite", "classic"] = getattr(request, "param", "classic")
    with FakeNucleus(kind) as made:
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        yield made


both = pytest.mark.parametrize("nucleus", ["classic", "lite"], indirect=True)


@pytest.fixture
def site(tmp_path: Path, nucleus: FakeNucleus, monkeypatch: pytest.MonkeyPatch) -> ComponentSite:
    monkeypatch.setattr("edge_mask.control.nucleus._SETTLED", 0.05)
    made = ComponentSite(tmp_path)
    hold(nucleus, made.document())
    return made


def hold(nucleus: FakeNucleus, document: dict[str, Any]) -> None:
    """What a deployment left in the nucleus, before the component starts."""
    nucleus.configuration = as_texts(document) if nucleus.is_lite else document


def as_texts(part: Any) -> Any:
    if isinstance(part, dict):
        return {key: as_texts(value) for key, value in part.items()}
    if isinstance(part, list):
        return [as_texts(value) for value in part]
    return str(part).lower() if isinstance(part, bool) else str(part)


def kept(site: ComponentSite) -> Any:
    return json.loads((site.folder / "edge-mask.db.overlay.json").read_text())["config"]


@both
def test_the_first_start_runs_with_what_the_nucleus_holds(site: ComponentSite, nucleus: FakeNucleus) -> None:
    with site.running():
        assert [sensor["name"] for sensor in kept(site)["sensors"]] == ["hall"]
        assert kept(site)["sensors"][0]["loop"] is True, "also where the nucleus makes a text of it"
        assert "accessControl" not in kept(site)
        if not nucleus.is_lite:
            nucleus.wait_for(lambda: "RUNNING" in nucleus.states)


def test_a_restart_does_not_undo_a_later_wish(site: ComponentSite, nucleus: FakeNucleus) -> None:
    hold(nucleus, site.document(health={"interval": "7s"}))
    with site.running():
        site.wishes.configure({"health": {"interval": "9s"}}, "shadow").result(30)
    with site.running():
        assert site.overlay["health"] == {"interval": "9s"}


def test_a_deployment_that_came_while_it_was_off_is_applied_at_the_start(
    site: ComponentSite, nucleus: FakeNucleus
) -> None:
    with site.running():
        site.wishes.configure({"detections": "off"}, "shadow").result(30)
    hold(nucleus, site.document(health={"interval": "7s"}))
    with site.running():
        assert (site.overlay["health"], site.overlay["detections"]) == ({"interval": "7s"}, "off")


@both
def test_a_deployment_takes_effect_while_it_runs(site: ComponentSite, nucleus: FakeNucleus) -> None:
    with site.running():
        document = site.document(health={"interval": 7})
        nucleus.wait_for(lambda: "SubscribeToConfigurationUpdate" in nucleus.asked)
        nucleus.configure(as_texts(document) if nucleus.is_lite else document, ["health"])
        site.wait(nucleus, lambda: kept(site).get("health") in ({"interval": 7}, {"interval": "7"}))


def test_a_deployment_that_changes_one_key_after_the_other_is_taken_as_a_whole(
    site: ComponentSite, nucleus: FakeNucleus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_mask.control.nucleus._SETTLED", 1.0)
    with site.running():
        nucleus.wait_for(lambda: "SubscribeToConfigurationUpdate" in nucleus.asked)
        nucleus.configure(site.document(gate={"vote": 5}), ["gate"])  # half of it, which is wrong
        nucleus.configure(site.document(health={"interval": "7s"}), ["health"])
        site.wait(nucleus, lambda: "health" in site.overlay)
        assert site.complaints == []


def test_a_configuration_that_changes_while_it_is_told_is_read_again(site: ComponentSite, nucleus: FakeNucleus) -> None:
    with site.running():
        nucleus.wait_for(lambda: "SubscribeToConfigurationUpdate" in nucleus.asked)
        nucleus.halfway = [site.document(gate={"vote": 5})]  # half of it, which is wrong
        nucleus.configure(site.document(health={"interval": "7s"}), ["health"])
        site.wait(nucleus, lambda: "health" in site.overlay)
        assert site.complaints == []
        assert nucleus.halfway == []


def test_a_configuration_that_the_nucleus_did_not_tell_is_asked_for_again(
    site: ComponentSite, nucleus: FakeNucleus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_mask.control.nucleus._AGAIN", 0.01)
    with site.running():
        nucleus.fails["GetConfiguration"] = "busy"
        nucleus.configure(site.document(health={"interval": "7s"}), ["health"])
        asked = len(nucleus.asked)
        nucleus.wait_for(lambda: "GetConfiguration" in nucleus.asked[asked:])
        del nucleus.fails["GetConfiguration"]
        site.wait(nucleus, lambda: "health" in site.overlay)


def test_a_key_that_a_deployment_takes_out_goes_out(site: ComponentSite, nucleus: FakeNucleus) -> None:
    hold(nucleus, site.document(health={"interval": "7s"}, detections="all"))
    with site.running():
        site.wishes.configure({"log": {"level": "warning"}}, "shadow").result(30)
        nucleus.configure(site.document(detections="all"), ["health"])
        site.wait(nucleus, lambda: "health" not in site.overlay)
        assert (site.overlay["detections"], site.overlay["log"]) == ("all", {"level": "warning"})


@both
def test_a_configuration_that_is_wrong_leaves_the_old_one_running_and_says_why(
    site: ComponentSite, nucleus: FakeNucleus
) -> None:
    with site.running():
        nucleus.configure(site.document(gate={"vote": 5}), ["gate"])
        site.wait(nucleus, lambda: bool(site.complaints))
        (complaint,) = site.complaints
        assert complaint.startswith("configuration refused the Greengrass configuration: gate.vote: unknown key")
        assert "gate" not in site.overlay
        assert "ERRORED" not in nucleus.states


def test_a_refused_configuration_is_tried_once_and_not_by_each_house(site: ComponentSite, nucleus: FakeNucleus) -> None:
    with site.running():
        nucleus.configure(site.document(gate={"vote": 5}), ["gate"])
        site.wait(nucleus, lambda: bool(site.complaints))
        asked = nucleus.asked.count("GetConfiguration")
        site.wishes.reload().result(30)
        nucleus.wait_for(lambda: nucleus.asked.count("GetConfiguration") > asked)
        nucleus.configure(site.document(detections="all"), ["gate"])  # it has worked off what came before
        site.wait(nucleus, lambda: site.overlay.get("detections") == "all")
        assert len(site.complaints) == 1


@pytest.mark.parametrize("key", ["mqtt", "aws", "web", "outbox", "device"])
def test_a_deployment_cannot_cut_the_device_off(site: ComponentSite, nucleus: FakeNucleus, key: str) -> None:
    wish = {"outbox": {"path": "elsewhere.db"}, "device": {"thing_name": "other"}}.get(key, {"host": "elsewhere"})
    with site.running():
        nucleus.configure(site.document(**{key: wish}), [key])
        site.wait(nucleus, lambda: bool(site.complaints))
        assert "cannot be set from outside" in site.complaints[0]


@pytest.fixture
def unbuildable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration with `detections: all` is right, but its house cannot be built."""

    def build(self: Plan, door: Any, _real: Any = Plan.build) -> Any:
        if self.settings.detections == "all":
            raise DatabaseError("the disk went away")
        return _real(self, door)

    monkeypatch.setattr(Plan, "build", build)


@pytest.mark.usefixtures("unbuildable")
def test_a_configuration_whose_house_cannot_be_built_brings_the_old_one_back(
    site: ComponentSite, nucleus: FakeNucleus
) -> None:
    with site.running():
        nucleus.configure(site.document(detections="all"), ["detections"])
        site.wait(nucleus, lambda: bool(site.complaints))
        assert "the disk went away" in site.complaints[0]
        assert "detections" not in kept(site)


@pytest.mark.usefixtures("unbuildable")
def test_at_the_start_too_the_old_one_comes_back(site: ComponentSite, nucleus: FakeNucleus) -> None:
    with site.running():
        pass
    hold(nucleus, site.document(detections="all"))
    with site.running():
        assert "the disk went away" in site.complaints[0]
        assert "detections" not in kept(site)
    hold(nucleus, site.document(detections="off"))
    with site.running():
        assert kept(site)["detections"] == "off", "a later deployment is not held up by the one that failed"


def test_even_a_fault_of_ours_at_the_start_brings_the_old_one_back(
    site: ComponentSite, nucleus: FakeNucleus, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site.running():
        pass

    def build(self: Plan, door: Any, _real: Any = Plan.build) -> Any:
        if self.settings.detections == "all":
            raise ZeroDivisionError("we are wrong")
        return _real(self, door)

    monkeypatch.setattr(Plan, "build", build)
    hold(nucleus, site.document(detections="all"))
    with site.running():
        assert "we are wrong" in site.complaints[0]


def test_a_configuration_that_is_wrong_at_the_start_leaves_the_old_one(
    site: ComponentSite, nucleus: FakeNucleus
) -> None:
    with site.running():
        pass
    hold(nucleus, site.document(gate={"vote": 5}))
    with site.running():
        assert "gate.vote: unknown key" in site.complaints[0]
        assert "gate" not in kept(site)


def test_a_component_that_never_ran_and_is_given_nonsense_is_errored(site: ComponentSite, nucleus: FakeNucleus) -> None:
    hold(nucleus, site.document(gate={"vote": 5}))
    assert "the Greengrass configuration: gate.vote: unknown key" in str(site.fails_to_start())
    assert nucleus.states == ["ERRORED"]


def test_a_first_start_without_its_nucleus_says_why_there_is_no_configuration(
    site: ComponentSite, nucleus: FakeNucleus, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    del nucleus
    monkeypatch.setenv(SOCKET, str(site.folder / "nobody.socket"))
    assert "there is nothing to watch" in str(site.fails_to_start(patience=0.2))
    assert "nobody.socket is not there" in caplog.text


def test_a_component_that_is_given_nothing_to_watch_is_errored(site: ComponentSite, nucleus: FakeNucleus) -> None:
    hold(nucleus, {"accessControl": {}})
    assert "there is nothing to watch" in str(site.fails_to_start())
    assert nucleus.states == ["ERRORED"]


@pytest.mark.usefixtures("unbuildable")
def test_a_house_that_cannot_be_built_at_the_first_start_is_errored(site: ComponentSite, nucleus: FakeNucleus) -> None:
    hold(nucleus, site.document(detections="all"))
    assert "the disk went away" in str(site.fails_to_start())
    assert nucleus.states == ["ERRORED"]


def test_a_nucleus_that_is_away_at_the_start_changes_nothing_until_it_is_back(
    site: ComponentSite, nucleus: FakeNucleus
) -> None:
    with site.running():
        pass
    nucleus.stop()
    with site.running(patience=0.1):
        assert [sensor["name"] for sensor in site.overlay["sensors"]] == ["hall"]
        hold(nucleus, site.document(health={"interval": "7s"}))
        nucleus.start()
        site.wait(nucleus, lambda: site.overlay.get("health") == {"interval": "7s"})


def test_a_nucleus_that_hangs_at_the_start_does_not_hold_it_up(site: ComponentSite, nucleus: FakeNucleus) -> None:
    with site.running():
        pass
    nucleus.freeze()
    with site.running(patience=0.1):
        assert site.overlay["sensors"]
    nucleus.thaw()


def test_what_changed_while_the_connection_was_lost_is_not_missed(site: ComponentSite, nucleus: FakeNucleus) -> None:
    with site.running():
        nucleus.cut()
        hold(nucleus, site.document(health={"interval": "7s"}))
        nucleus.mend()
        site.wait(nucleus, lambda: site.overlay.get("health") == {"interval": "7s"})


def test_an_overlay_that_another_version_wrote_does_not_shut_the_nucleus_out(
    site: ComponentSite, nucleus: FakeNucleus
) -> None:
    with site.running():
        pass
    overlay = site.folder / "edge-mask.db.overlay.json"
    overlay.write_text(json.dumps({"version": 7, "config": {**kept(site), "gone": {"key": 1}}}))
    with site.running():
        assert "gone" not in site.overlay
        assert site.overlay["sensors"]
    assert (site.folder / "edge-mask.db.overlay.json.refused").exists()


def test_an_overlay_that_was_lost_is_made_anew_from_the_nucleus(site: ComponentSite) -> None:
    with site.running():
        pass
    (site.folder / "edge-mask.db.overlay.json").unlink()
    with site.running():
        assert site.overlay["sensors"]


@pytest.mark.parametrize("nucleus", ["lite"], indirect=True)
def test_what_nucleus_lite_does_not_know_is_off_without_a_word(
    site: ComponentSite, nucleus: FakeNucleus, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), site.running():
        nucleus.wait_for(lambda: "SubscribeToValidateConfigurationUpdates" in nucleus.asked)
    said = [each for each in caplog.records if "hear of deployments" in each.getMessage()]
    assert all(each.levelno == logging.DEBUG for each in said)
    assert site.complaints == []


# -- deployments (classic nucleus) ---------------------------------------------------------------------------


def test_a_deployment_goes_on_while_nobody_is_at_the_gate(site: ComponentSite, nucleus: FakeNucleus) -> None:
    with site.running():
        nucleus.wait_for(lambda: "SubscribeToComponentUpdates" in nucleus.asked)
        nucleus.announce_update("d1")
        nucleus.wait_for(lambda: bool(nucleus.deferrals))
        assert nucleus.deferrals[0]["deploymentId"] == "d1"
        assert nucleus.deferrals[0]["recheckAfterMs"] == 0


def test_a_configuration_is_judged_before_it_is_deployed(site: ComponentSite, nucleus: FakeNucleus) -> None:
    with site.running():
        nucleus.wait_for(lambda: "SubscribeToValidateConfigurationUpdates" in nucleus.asked)
        nucleus.propose("d1", site.document(gate={"votes": 3}))
        nucleus.propose("d2", site.document(gate={"vote": 3}))
        nucleus.wait_for(lambda: len(nucleus.judgements) == 2)
        first, second = sorted(nucleus.judgements, key=lambda each: str(each["deploymentId"]))
        assert (first["status"], second["status"]) == ("ACCEPTED", "REJECTED")
        assert 'did you mean "votes"?' in second["message"]
        assert "gate" not in site.overlay, "judged is not applied"


def test_what_is_asked_between_two_houses_is_answered_by_the_next_one(
    site: ComponentSite, nucleus: FakeNucleus, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site.running():
        nucleus.wait_for(lambda: "SubscribeToValidateConfigurationUpdates" in nucleus.asked)

        def build(self: Plan, door: Any, _real: Any = Plan.build) -> Any:
            nucleus.propose("d1", site.document())
            nucleus.announce_update("d1")
            return _real(self, door)

        monkeypatch.setattr(Plan, "build", build)
        site.wishes.reload().result(30)
        nucleus.wait_for(lambda: bool(nucleus.judgements) and bool(nucleus.deferrals))
    assert nucleus.asked.count("SubscribeToValidateConfigurationUpdates") == 1
