"""The address of an `http` action is a template: whatever a message makes of it, at most the rule fails."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_mask.messages import Priority
from edge_mask.rules.effects import Effect, HttpCall, Incoming, RuleFailed
from edge_mask.rules.rule_set import RuleSet
from edge_mask.sql.rule_input import Context


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    path.write_text("post:\n  sql: \"SELECT * FROM 't'\"\n  actions: [{http: {url: 'http://${place}/in'}}]\n")
    return path


def effect_of(file: Path, place: str) -> Effect:
    payload = json.dumps({"place": place}).encode()
    incoming = Incoming(topic="t", payload=payload, priority=Priority.EVIDENCE, context=Context(timestamp=1))
    (effect,) = RuleSet.load([file]).apply(incoming)
    return effect


@pytest.mark.parametrize("place", ["vms.local", "10.0.0.1:8090", "[::1]:8090", "gate:secret@vms.local"])
def test_a_place_is_posted_to(file: Path, place: str) -> None:
    effect = effect_of(file, place)
    assert isinstance(effect, HttpCall)
    assert effect.url == f"http://{place}/in"


@pytest.mark.parametrize("place", ["", "h:99999", "h:0", "[::1", "a b", "h:x", "a\nb", "u:secret@h:99999"])
def test_no_place_is_a_failure_of_the_rule_that_shows_no_password(file: Path, place: str) -> None:
    effect = effect_of(file, place)
    assert isinstance(effect, RuleFailed)
    assert "is not an http or https address" in effect.text
    assert "secret" not in effect.text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.text(max_size=40))
def test_anything_is_one_or_the_other(file: Path, place: str) -> None:
    assert isinstance(effect_of(file, place), HttpCall | RuleFailed)
