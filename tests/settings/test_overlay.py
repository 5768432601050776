"""What is wished from outside lies over the file: merged, checked with the same sentences, kept, never in the way."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_mask.errors import ConfigurationError
from edge_mask.settings import Overlay, load, load_with_overlay, parse
from edge_mask.settings.overlay import keep, kept_at, merged, read_kept, set_aside

FILE = """
cameras: [{name: front, source: 'usb:0'}]
gate:
  votes: 7
  window: 3s
"""


def problems(config: dict[str, Any], text: str = FILE) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        parse(text, "gate.yaml", {}, Overlay(config, 1, "shadow"))
    return caught.value.problems


def test_a_part_of_the_configuration_lies_over_the_file_key_by_key() -> None:
    found = parse(FILE, "f", {}, Overlay({"gate": {"votes": 3}, "health": {"interval": "5s"}}))
    assert (found.gate.votes, found.gate.window, found.health.interval) == (3, 3.0, 5.0)


def test_a_list_replaces_the_whole_list() -> None:
    found = parse(FILE, "f", {}, Overlay({"cameras": [{"name": "hall", "source": "usb:1", "role": "cctv"}]}))
    assert [camera.name for camera in found.cameras] == ["hall"]


def test_a_file_that_says_little_may_get_the_rest_from_outside() -> None:
    assert parse("", "f", {}, Overlay({"sensors": [{"name": "s", "kind": "thermal"}]})).sensors[0].name == "s"


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"gate": {"votes": 0}}, "shadow: gate.votes: found 0; allowed: a whole number from 1 to 100"),
        ({"gate": {"vote": 3}}, 'shadow: gate.vote: unknown key; did you mean "votes"?'),
        ({"cameras": [{"name": "a"}]}, "shadow: cameras[0].source: is missing"),
        ({"gate": 5}, "shadow: gate: found 5; allowed: a mapping with votes"),
        ({"gate": {"temperature_sensor": "x"}}, 'shadow: gate.temperature_sensor: there is no sensor "x"'),
        ({"topics": {"visits": "a/#"}}, 'shadow: topics.visits: "a/#" holds a wildcard'),
        ({"device": {"labels": {"latitude": 91}}}, "shadow: device.labels.latitude: found 91"),
    ],
)
def test_a_mistake_in_it_has_the_same_sentence_and_names_it_as_the_place(config: dict[str, Any], sentence: str) -> None:
    found = problems(config)
    assert len(found) == 1
    assert found[0].startswith(sentence)


def test_what_is_wrong_in_the_file_still_has_the_file_as_its_place() -> None:
    assert problems({"gate": {"votes": 0}}, FILE + "health: {interval: 0s}") == [
        "shadow: gate.votes: found 0; allowed: a whole number from 1 to 100",
        "gate.yaml:6: health.interval: 0s is too small; allowed: a duration such as 0.2s, 5m or 30d, from 1s to 1d",
    ]


@pytest.mark.parametrize(
    ("config", "key"),
    [
        ({"mqtt": {"host": "evil.example"}}, "mqtt"),
        ({"aws": {}}, "aws"),
        ({"web": {"enabled": False}}, "web"),
        ({"device": {"thing_name": "x"}}, "device.thing_name"),
        ({"outbox": {"path": "x.db"}}, "outbox.path"),
    ],
)
def test_keys_that_could_cut_the_device_off_cannot_be_wished(config: dict[str, Any], key: str) -> None:
    assert problems(config) == [
        f"shadow: {key}: cannot be set from outside; it is read from the configuration file alone"
    ]


def test_a_variable_of_the_environment_is_not_told_to_whoever_wishes_for_it() -> None:
    found = parse(FILE, "f", {"SECRET": "s3cret"}, Overlay({"device": {"labels": {"name": "${SECRET}"}}}))
    assert found.device.labels.name == "${SECRET}"


def test_a_wish_of_a_thousand_brackets_is_a_sentence() -> None:
    deep: Any = 1
    for _ in range(900):
        deep = [deep]
    assert problems({"gate": {"votes": deep}}) == ["shadow: nested more than 50 deep"]


def test_a_null_takes_a_key_out_again_and_every_change_counts() -> None:
    one = Overlay().changed({"gate": {"votes": 3, "window": "1s"}}, "shadow")
    two = one.changed({"gate": {"votes": None}}, "command")
    assert (two.config, two.version, two.origin) == ({"gate": {"window": "1s"}}, 2, "command")
    assert parse(FILE, "f", {}, two).gate.votes == 7


values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=8,
)
configs = st.dictionaries(st.sampled_from("abc"), values, max_size=3)


@given(configs, configs)
def test_the_same_wish_twice_changes_nothing_more(base: dict[str, Any], wish: dict[str, Any]) -> None:
    once = merged(base, wish)
    assert merged(once, wish) == once


@given(configs)
def test_what_is_kept_holds_no_nulls(wish: dict[str, Any]) -> None:
    def nulls(value: Any) -> bool:
        return isinstance(value, dict) and any(part is None or nulls(part) for part in value.values())

    assert not nulls(Overlay().changed(wish, "x").config)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    config = tmp_path / "gate.yaml"
    config.write_text(f"{FILE}outbox: {{path: '{tmp_path / 'state.db'}'}}\n")
    return config


def test_it_is_kept_beside_the_database_and_read_again(site: Path) -> None:
    before = load_with_overlay(site, {})
    assert before.kept_at == site.parent / "state.db.overlay.json"
    wished = before.overlay.changed({"gate": {"votes": 2}}, "shadow")
    assert load(site, {}, wished).gate.votes == 2
    keep(before.kept_at, wished)
    after = load_with_overlay(site, {})
    assert (after.settings.gate.votes, after.overlay.version, after.refused) == (2, 1, ())
    assert load(site, {}).gate.votes == 7  # the file itself says what it said


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    keep(tmp_path / "o.json", Overlay({"cameras": []}, 1))
    assert stat.S_IMODE((tmp_path / "o.json").stat().st_mode) == 0o600


def test_a_writer_that_was_killed_leaves_the_old_one_whole(tmp_path: Path) -> None:
    path = tmp_path / "o.json"
    keep(path, Overlay({"gate": {"votes": 2}}, 1))
    path.with_name("o.json.new").write_text("{half")
    assert read_kept(path).version == 1
    keep(path, Overlay({"gate": {"votes": 3}}, 2))
    assert read_kept(path).config == {"gate": {"votes": 3}}
    assert [each.name for each in tmp_path.iterdir()] == ["o.json"]


@pytest.mark.parametrize(
    ("kept", "sentence"),
    [
        ("", "is not the JSON that was written there"),
        ("[" * 100_000, "is not the JSON that was written there"),
        ("\udcff", "is not the JSON that was written there"),
        ("[]", "holds no overlay"),
        ('{"config": [], "version": 1}', "holds no overlay"),
        ('{"config": {"gate": {"votes": 0}}, "version": 1}', "gate.votes: found 0"),
        ('{"config": {"mqtt": {"host": "x"}}, "version": 1}', "mqtt: cannot be set from outside"),
        ('{"config": {"device": {"thing_name": "\\ud800"}}, "version": 1}', "device.thing_name: cannot be set"),
    ],
)
def test_one_that_is_broken_is_said_and_the_file_alone_is_in_force(site: Path, kept: str, sentence: str) -> None:
    place = site.parent / "state.db.overlay.json"
    place.write_text(kept, errors="surrogateescape")
    found = load_with_overlay(site, {})
    assert found.settings.gate.votes == 7
    assert found.overlay == Overlay()
    assert found.refused[0].startswith(f"{place}: ")
    assert sentence in found.refused[0]
    assert set_aside(place).name == "state.db.overlay.json.refused"
    assert load_with_overlay(site, {}).refused == ()


def test_a_pipe_in_its_place_does_not_hold_up_the_start(site: Path) -> None:
    place = site.parent / "state.db.overlay.json"
    os.mkfifo(place)
    assert "it is a pipe or a device and no file" in load_with_overlay(site, {}).refused[0]


def test_one_without_end_is_not_read_into_memory(site: Path) -> None:
    place = site.parent / "state.db.overlay.json"
    place.touch()
    os.truncate(place, 2**40)
    assert "it is larger than 1 MB" in load_with_overlay(site, {}).refused[0]
    place.unlink()
    place.symlink_to("/dev/zero")
    assert "it is a pipe or a device and no file" in load_with_overlay(site, {}).refused[0]


def test_one_that_would_not_be_read_again_is_not_kept(tmp_path: Path) -> None:
    keep(tmp_path / "o.json", Overlay({"gate": {"votes": 2}}, 1))
    with pytest.raises(OSError, match="too large"):
        keep(tmp_path / "o.json", Overlay({"rules": ["x" * 1_000_000]}, 2))
    assert read_kept(tmp_path / "o.json").version == 1


def test_one_that_no_longer_fits_the_file_is_left_out(site: Path) -> None:
    place = kept_at({"outbox": {"path": str(site.parent / "state.db")}})
    site.write_text(site.read_text() + "sensors: [{name: s, kind: thermal}]\n")
    wished = Overlay({"gate": {"temperature_sensor": "s"}}, 1)
    keep(place, wished)
    assert load_with_overlay(site, {}).settings.gate.temperature_sensor == "s"
    site.write_text(site.read_text().replace("sensors: [{name: s,", "sensors: [{name: t,"))
    assert 'there is no sensor "s"; allowed: t' in load_with_overlay(site, {}).refused[0]


def test_a_file_that_is_wrong_by_itself_is_the_files_own_fault(site: Path) -> None:
    keep(site.parent / "state.db.overlay.json", Overlay({"gate": {"votes": 0}}, 1))
    site.write_text(site.read_text() + "health: {interval: 0s}\n")
    with pytest.raises(ConfigurationError) as caught:
        load_with_overlay(site, {})
    assert [each for each in caught.value.problems if not each.startswith(f"{site}:")] == []


def test_whatever_the_file_says_there_is_a_place_for_it() -> None:
    usual = Path("edge-mask.db.overlay.json")
    assert kept_at(None) == kept_at({"outbox": 5}) == kept_at({"outbox": {"path": []}}) == usual


def test_a_mapping_that_became_empty_disappears() -> None:
    one = Overlay().changed({"cctv": {"streak": 4}, "gate": {"votes": 3}}, "shadow")
    assert one.changed({"cctv": {"streak": None}}, "command").config == {"gate": {"votes": 3}}
    assert Overlay().changed({"cctv": {"streak": None}}, "command").config == {}
