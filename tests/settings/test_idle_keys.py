"""A key that was written and does nothing is refused; where one file may serve many devices, `check` tells of it."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.end_to_end.daemon import MASKED, edge_mask, lines, write_config, write_model, write_scene

from edge_mask.control.nucleus_wish import wish_of
from edge_mask.errors import ConfigurationError
from edge_mask.settings import Overlay, Settings, load_with_overlay, parse
from edge_mask.settings.base import Section
from edge_mask.settings.cameras import Cctv, Gate
from edge_mask.settings.idle import FAULTS, WAITING, remarks
from edge_mask.settings.overlay import keep, kept_at

ROOT = Path(__file__).parents[2]
GATE = "cameras: [{name: front, source: 'usb:0'}]\n"
HALL = "cameras: [{name: hall, source: 'usb:0', role: cctv}]\n"
BOX = "sensors: [{name: s, kind: w1}, {name: beam, kind: gpio, chip: 0, line: 27}]\n"
RELAY = "outputs: [{name: relay, kind: gpio, chip: 0, line: 17}]\n"
OPEN = ("for", "at_most")
NO_GATE = "does nothing, as no camera has role: gate; give a camera that role, or remove this"
NO_OUTPUT = "does nothing without gate.output; name the output that opens the gate, or remove this"
NO_SENSOR = "does nothing without gate.passage_sensor; name the sensor that sees people go through, or remove this"
NO_THERMOMETER = "does nothing without gate.temperature_sensor; name the thermometer at the gate, or remove this"
NO_LATEST = "does nothing, as no last pictures are kept: snapshots.latest is off, or is auto where faces are not"


def refused(text: str, overlay: Overlay | None = None) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        parse(text, "f.yaml", {}, overlay)
    return caught.value.problems


def warned(text: str, folder: Path) -> list[str]:
    """What `check` says of a file that is accepted."""
    path = folder / "f.yaml"
    path.write_text(f"{text}outbox: {{path: '{folder / 'db'}'}}\n")
    return [sentence.removeprefix(f"{folder}/") for sentence in load_with_overlay(path, {}).remarks]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        (GATE + "gate: {open_for: 2s}\n", [f"gate.open_for: {NO_OUTPUT}"]),
        (GATE + "gate: {open_at_most: 1m}\n", [f"gate.open_at_most: {NO_OUTPUT}"]),
        (GATE + "gate: {open_for: 3s, open_at_most: 3s}\n", [f"gate.open_{k}: {NO_OUTPUT}" for k in OPEN]),
        (GATE + "gate: {passage_window: 5s}\n", [f"gate.passage_window: {NO_SENSOR}"]),
        (GATE + "gate: {fever_above: 37.5}\n", [f"gate.fever_above: {NO_THERMOMETER}"]),
        (GATE + "gate: {fever_above: 99}\n", [f"gate.fever_above: {NO_THERMOMETER}"]),
        (GATE + "gate: {without_temperature: refuse}\n", [f"gate.without_temperature: {NO_THERMOMETER}"]),
        (GATE + "gate: {temperature_range: [28, 43]}\n", [f"gate.temperature_range: {NO_THERMOMETER}"]),
        (GATE + "snapshots: {latest: off, latest_every: 5s}\n", [f"snapshots.latest_every: {NO_LATEST}"]),
        (HALL + "snapshots: {blur_faces: false, latest_every: 5s}\n", [f"snapshots.latest_every: {NO_LATEST}"]),
        (RELAY + HALL + "gate: {output: relay}\n", [f"gate.output: {NO_GATE}"]),
        (BOX + HALL + "gate: {passage_sensor: beam}\n", [f"gate.passage_sensor: {NO_GATE}"]),
        (BOX + HALL + "gate: {temperature_sensor: s}\n", [f"gate.temperature_sensor: {NO_GATE}"]),
        (BOX + "gate:\n  temperature_sensor: s\n", [f"gate.temperature_sensor: {NO_GATE}"]),
        (BOX + GATE + "gate: {temperature_camera: front}\n", ["gate.temperature_camera: says where a thermometer"]),
    ],
)  # fmt: skip
def test_a_key_whose_writer_expects_something_of_it_is_refused(text: str, sentences: list[str]) -> None:
    found = refused(text)
    line = text.count("\n")
    assert len(found) == len(sentences)
    for sentence, wanted in zip(found, sentences, strict=True):
        assert sentence.startswith(f"f.yaml:{line}: {wanted}")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (HALL + "gate: {votes: 5}\n", "gate.votes: does nothing here: no camera has role: gate"),
        (
            HALL + "gate: {votes: 5, still: refuse, fever_above: 37.5, open_for: 3s}\n",
            "gate: votes, still, fever_above and open_for do nothing here: no camera has role: gate",
        ),
        (GATE + "cctv: {empty_looks: ignore}\n", "cctv.empty_looks: does nothing here: no camera has role: cctv"),
        (
            GATE + "cctv: {streak: 6, rearm_after: 60s}\n",
            "cctv: streak and rearm_after do nothing here: no camera has role: cctv",
        ),
        (GATE + "snapshots: {looks: all}\n", "snapshots.looks: does nothing here: no camera has role: cctv"),
        (HALL + "snapshots: {visits: all}\n", "snapshots.visits: does nothing here: no camera has role: gate"),
        (
            GATE + "snapshots: {latest_every: 5s}\n",
            "snapshots.latest_every: does nothing here: snapshots.latest is auto, and no camera has role: cctv",
        ),
        (BOX + "snapshots: {keep: 1d}\n", "snapshots.keep: does nothing here: there are no cameras"),
        (BOX + "detections: all\n", "detections: does nothing here: there are no cameras"),
        (BOX + "privacy: {send_pictures: true}\n", "privacy.send_pictures: does nothing here: there are no cameras"),
        (HALL + "topics: {visits: a/b}\n", "topics.visits: does nothing here: no camera has role: gate"),
        (GATE + "topics: {looks: a/b}\n", "topics.looks: does nothing here: no camera has role: cctv"),
        (BOX + "topics: {tflite_results: a/b}\n", "topics.tflite_results: does nothing here: there are no cameras"),
        (
            GATE + "detections: off\ntopics: {detections: a/b}\n",
            "topics.detections: does nothing here: there are no such messages",
        ),
        (GATE + "topics: {temperature: a/b}\n", "topics.temperature: does nothing here: no sensor measures it"),
        (GATE + "mqtt: {transport: none, host: h}\n", "mqtt.host: does nothing here: mqtt.transport is none"),
        (
            GATE + "mqtt: {transport: none}\nprivacy: {send_pictures: true}\n",
            "privacy.send_pictures: does nothing here: mqtt.transport is none",
        ),
        (
            GATE + "homeassistant: {prefix: ha}\n",
            "homeassistant.prefix: does nothing here: homeassistant.enabled is false",
        ),
        (RELAY + GATE + "\n", "outputs: does nothing here: there are no rules, and no gate.output"),
    ],
)
def test_a_key_that_another_device_with_the_same_file_may_need_is_told_by_check(
    text: str, sentence: str, tmp_path: Path
) -> None:
    (found,) = warned(text, tmp_path)
    line = 1 if sentence.startswith("outputs") else text.count("\n")
    assert found == f"f.yaml:{line}: {sentence}"


def test_what_waits_for_a_broker_does_nothing_without_one_but_servers_of_rules_are_waited_for_too(
    tmp_path: Path,
) -> None:
    text = GATE + "mqtt: {transport: none}\n"
    (tmp_path / "f.yaml").write_text(text + "outbox: {max_age: 1d, window: 3}\n")
    assert load_with_overlay(tmp_path / "f.yaml", {}).remarks == (
        f"{tmp_path}/f.yaml:3: outbox: max_age and window do nothing here: mqtt.transport is none",
    )
    (tmp_path / "f.yaml").write_text(text + "outbox: {max_age: 1d, window: 3}\nrules: ['*.none']\n")
    assert load_with_overlay(tmp_path / "f.yaml", {}).remarks == ()


@pytest.mark.parametrize(
    "text",
    [
        RELAY + GATE + "gate: {output: relay, open_for: 2s, open_at_most: 1m}\n",
        BOX + GATE + "gate: {passage_sensor: beam, passage_window: 2s}\n",
        BOX + GATE + "gate: {temperature_sensor: s, fever_above: 38, without_temperature: ignore}\n",
        HALL + "cctv: {streak: 2, rearm_after: 1s, empty_looks: ignore}\nsnapshots: {looks: all, latest_every: 1s}\n",
        GATE + "gate: {votes: 7, pass_score: 0.8, still: ignore}\nsnapshots: {latest: on, latest_every: 5s}\n",
        GATE + "homeassistant: {enabled: true, prefix: ha}\n",
        GATE + "gate: {output: null, open_for: null}\ncctv:\n",
        GATE + "web: {enabled: false, host: 127.0.0.1, port: 8080}\n",
    ],
)
def test_keys_that_work_and_keys_without_a_value_are_not_told_of(text: str, tmp_path: Path) -> None:
    assert warned(text, tmp_path) == []


@pytest.mark.parametrize("text", [GATE, HALL, BOX])
def test_defaults_were_written_by_nobody(text: str) -> None:
    assert list(remarks(parse(text, "f.yaml", {}))) == []


def test_every_row_is_about_keys_that_exist() -> None:
    for row in (*WAITING, *FAULTS):
        part: Any = getattr(Settings(), row.section) if row.section else Settings()
        assert isinstance(part, Section)
        assert set(row.keys) <= set(type(part).model_fields), row


@pytest.mark.parametrize(("section", "model"), [("gate", Gate), ("cctv", Cctv)])
def test_no_key_of_a_role_is_forgotten(section: str, model: type[Section]) -> None:
    told = {key for row in (*WAITING, *FAULTS) if row.section == section for key in row.keys}
    assert set(model.model_fields) - told <= {"temperature_camera"}  # which has checks of its own


# -- what is set from outside ----------------------------------------------------------------------------


def test_a_key_may_be_set_from_outside_before_the_one_that_it_goes_with() -> None:
    assert parse(RELAY + GATE, "f", {}, Overlay({"gate": {"open_for": "2s"}})).gate.open_for == 2.0
    assert parse(RELAY + GATE, "f", {}, Overlay({"gate": {"open_for": "2s", "output": "relay"}})).gate.output


def test_a_value_that_is_set_from_outside_is_not_refused_for_the_one_in_the_file_that_it_replaces() -> None:
    assert parse(GATE + "gate: {open_for: 2s}\n", "f", {}, Overlay({"gate": {"open_for": "4s"}})).gate.open_for == 4.0


def test_what_is_set_from_outside_may_take_away_what_a_key_of_the_file_needs() -> None:
    text = RELAY + GATE + "gate: {output: relay, open_for: 2s}\n"
    to_a_room = Overlay({"cameras": [{"name": "hall", "source": "usb:0", "role": "cctv"}]})
    assert parse(text, "f", {}, to_a_room).cameras[0].role == "cctv"


def test_what_is_set_from_outside_does_not_hide_a_fault_of_the_file() -> None:
    found = refused(GATE + "gate: {open_for: 2s}\n", Overlay({"log": {"level": "debug"}}))
    assert found == [f"f.yaml:2: gate.open_for: {NO_OUTPUT}"]


def test_a_stored_overlay_stays_when_the_file_no_longer_has_what_its_key_needs(tmp_path: Path) -> None:
    path, database = tmp_path / "f.yaml", tmp_path / "db"
    path.write_text(f"{GATE}outbox: {{path: '{database}'}}\n")
    keep(kept_at({"outbox": {"path": str(database)}}), Overlay({"gate": {"open_for": "2s", "votes": 3}}, 4))
    found = load_with_overlay(path, {})
    assert (found.refused, found.settings.gate.votes) == ((), 3)
    assert found.remarks == (f"{database}.overlay.json: gate.open_for: {NO_OUTPUT}",)


# -- what we ship, and what the user sees ----------------------------------------------------------------


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda path: str(path.name))
def test_the_examples_hold_no_idle_key(path: Path) -> None:
    assert load_with_overlay(path, {}).remarks == ()


def test_the_defaults_of_the_component_are_no_faults() -> None:
    recipe = yaml.safe_load((ROOT / "recipe.yaml").read_text())
    wish = wish_of(recipe["ComponentConfiguration"]["DefaultConfiguration"])
    base = (ROOT / "component/config.yaml").read_text()
    found = parse(base, "f", {"AWS_IOT_THING_NAME": "t"}, Overlay(wish.config))
    assert list(remarks(found)) == []


@pytest.fixture
def site(tmp_path: Path) -> Path:
    write_model(tmp_path)
    write_scene(tmp_path / "scene", [MASKED])
    return tmp_path


def test_check_warns_of_idle_keys_and_the_exit_code_is_good(site: Path) -> None:
    config = write_config(site, None, cctv={"streak": 3, "empty_looks": "ignore"})
    ended = edge_mask("check", "--config", config, cwd=site)
    assert ended.code == 0, ended
    text = "cctv: streak and empty_looks do nothing here: no camera has role: cctv"
    place = f"{config}:{config.read_text().splitlines().index('cctv:') + 1}"
    assert f"configuration          warning  {place}: {text}" in ended.out
    found = lines(edge_mask("check", "--json", "--config", config, cwd=site).out)
    assert [each for each in found if each["part"] == "configuration"] == [
        {"part": "configuration", "state": "warning", "text": f"{place}: {text}"}
    ]


@pytest.mark.parametrize("command", [["check"], ["run", "--max-seconds", "1"]])
def test_what_is_refused_is_one_sentence_of_the_command(command: list[str], site: Path) -> None:
    config = write_config(site, None, gate={"votes": 100, "without_temperature": "ignore"})
    ended = edge_mask(*command, "--config", config, cwd=site)
    where = {row.split(":")[0].strip(): n for n, row in enumerate(config.read_text().splitlines(), 1)}
    assert ended.code == 2, ended
    votes = 'found 100; gate.window, 2s, holds 41 looks of "front", so that it is a lead of 3 at its end that decides'
    assert ended.err.splitlines() == [
        f"{config}:{where['without_temperature']}: gate.without_temperature: {NO_THERMOMETER}",
        f"{config}:{where['votes']}: gate.votes: {votes}; allowed: at most 41, or a longer window",
    ]


def test_the_commands_configure_and_a_wish_are_never_refused_for_it(site: Path) -> None:
    config = write_config(site, None)
    overlay = site / "edge-mask.db.overlay.json"
    overlay.write_text(json.dumps({"config": {"gate": {"passage_window": "9s"}}, "version": 1}))
    ended = edge_mask("check", "--config", config, cwd=site)
    assert ended.code == 0, ended
    assert f"configuration          warning  {overlay}: gate.passage_window: {NO_SENSOR}" in ended.out
