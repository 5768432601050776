"""Configuration, rule files and model cards are read in one dialect: the same text means the same in each."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.packages.test_card import graph_card

from edge_mask.errors import ConfigurationError, ModelError
from edge_mask.packages.card_file import read_card
from edge_mask.rules.rule_file import load_file
from edge_mask.settings import parse

RULE = {"sql": "SELECT * FROM 't'", "actions": []}


def in_settings(value: str, folder: Path) -> Any:
    return parse(f"cameras: [{{name: c, source: 'usb:0'}}]\nmqtt: {{keepalive: {value}}}\n", "f", {}).mqtt.keepalive


def in_a_rule(value: str, folder: Path) -> Any:
    (folder / "r.yaml").write_text(f"sql: {RULE['sql']!a}\nactions: []\nedgeMask: {{atMostEvery: {value}}}\n")
    rules, problems = load_file(folder / "r.yaml")
    if problems:
        raise ConfigurationError(problems)
    return rules[0].at_most_every


@pytest.mark.parametrize("read", [in_settings, in_a_rule])
@pytest.mark.parametrize(("value", "seconds"), [("1m", 60.0), ("0x10", 16.0), ("'30'", 30.0), ("1e2", 100.0)])
def test_a_duration_means_the_same_everywhere(read: Any, value: str, seconds: float, tmp_path: Path) -> None:
    assert read(value, tmp_path) == seconds


@pytest.mark.parametrize("read", [in_settings, in_a_rule])
@pytest.mark.parametrize("value", ["00:01", "1 fortnight", "-1s", ".inf", "on"])
def test_what_is_no_duration_is_none_everywhere(read: Any, value: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="duration"):
        read(value, tmp_path)


TRAPS = {
    "a key twice": ("a: 1\na: 2\n", "a: given twice, first on line"),
    "a tag": ("a: !!binary aGk=\n", "cannot be used here"),
    "aliases of aliases": (
        "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10) if n else 1}]\n" for n in range(9)),
        "aliases stand for over 5000 values",
    ),
    "itself": ("a: &a [*a]\n", "contains itself"),
    "brackets": ("a: " + "[" * 5000, "nested more than 50 deep"),
    "a merge of nothing": ("a: {<<: 5}\n", "'<<' takes a mapping"),
}


@pytest.mark.parametrize(("text", "sentence"), TRAPS.values(), ids=TRAPS)
def test_every_trap_has_the_same_sentence_everywhere(text: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        parse(text, "f", {})
    (tmp_path / "r.yaml").write_text(text)
    assert sentence in "\n".join(load_file(tmp_path / "r.yaml")[1])
    (tmp_path / "model.yaml").write_text(text)
    with pytest.raises(ModelError, match=sentence):
        read_card(tmp_path)


def test_a_merge_works_everywhere(tmp_path: Path) -> None:
    found = parse("cameras:\n  - &c {name: a, source: 'file:a.mp4', role: cctv}\n  - {<<: *c, name: b}\n", "f", {})
    assert [(camera.name, camera.role) for camera in found.cameras] == [("a", "cctv"), ("b", "cctv")]
    (tmp_path / "r.yaml").write_text(
        f"one: &r {{sql: {RULE['sql']!a}, actions: []}}\ntwo: {{<<: *r, ruleDisabled: true}}\n"
    )
    rules, problems = load_file(tmp_path / "r.yaml")
    assert (problems, [rule.name for rule in rules]) == ([], ["one", "two"])
    card = (
        yaml.safe_dump(graph_card(calibration=None))
        + "calibration:\n  mask: &m {slope: 2.0, offset: 0.1}\n  no_mask: {<<: *m}\n"
    )
    (tmp_path / "model.yaml").write_text(card)
    assert read_card(tmp_path).calibration["no_mask"].slope == 2.0
