"""What goes with `mqtt.transport: greengrass`, and what does not."""

import pytest

from edge_mask.errors import ConfigurationError
from edge_mask.settings import parse

COMPONENT = "sensors: [{name: s, kind: w1}]\nmqtt: {transport: greengrass}\n"


@pytest.mark.parametrize("wrong", ["a#", "a/#/b", "'+a/b'", "''"])
def test_what_is_no_topic_filter_cannot_be_local(wrong: str) -> None:
    with pytest.raises(ConfigurationError, match=r"3: aws\.greengrass\.local\[0\]: .* is no topic filter"):
        parse(f"{COMPONENT}aws: {{greengrass: {{local: [{wrong}]}}}}\n", "f", {})


def test_the_thing_may_come_from_the_environment_of_the_component() -> None:
    text = f"{COMPONENT}device: {{thing_name: '${{AWS_IOT_THING_NAME}}'}}\n"
    assert parse(text, "f", {"AWS_IOT_THING_NAME": "gate-07"}).device.thing_name == "gate-07"


def test_the_same_configuration_is_refused_where_the_libraries_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_mask.settings.aws_checks.find_spec", lambda _name: None)
    with pytest.raises(ConfigurationError, match=r"greengrass needs the AWS libraries.*edge-mask\[aws\]"):
        parse(COMPONENT, "f", {})
