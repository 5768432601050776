"""The section `homeassistant`: what could never work is refused with a sentence."""

import pytest

from edge_mask.errors import ConfigurationError
from edge_mask.settings.load import parse

SENSORS = "sensors: [{name: t, kind: w1}]\ndevice: {thing_name: gate-01}\n"
RULES = "forward: rules-only\nrules: ['*.no-such-rules']\n"


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        parse(SENSORS + text, "edge.yaml", {})
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "homeassistant: {enabled: true}\nmqtt: {transport: none}",
            "enabled: mqtt.transport is none, so Home",
        ),
        (f"homeassistant: {{enabled: true}}\n{RULES}", "enabled: forward is rules-only, so Home Assistant would hear"),
        ("homeassistant: {prefix: home/#}", 'prefix: "home/#" holds a wildcard; allowed: a topic without + and #'),
        ("homeassistant: {prefix: a/b/c/d/e/f}", "has 8 slashes; allowed: at most 7"),
        ("homeassistant: {prefix: /home}", 'prefix: "/home" is not a topic'),
        ("homeassistant: {prefix: 'home/{thing}'}", "allowed: the prefix in Home Assistant's MQTT settings"),
        ("homeassistant: {prefix: ''}", "allowed: the prefix in Home Assistant's MQTT settings"),
        ("homeassistant: {prefx: a}", 'did you mean "prefix"'),
        ("homeassistant: {enabled: 3}", "homeassistant.enabled: found 3"),
    ],
)
def test_what_could_never_work_is_refused_with_a_sentence(text: str, sentence: str) -> None:
    [problem] = problems(text)
    assert "homeassistant" in problem
    assert sentence in problem


def test_it_is_off_unless_somebody_wants_it() -> None:
    assert not parse(SENSORS, "edge.yaml", {}).homeassistant.enabled
