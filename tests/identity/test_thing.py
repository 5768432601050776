"""The thing, its labels as attributes."""

import json
import re
from pathlib import Path
from typing import Any

import yaml
from tests.identity.sites import Aws, site

LABELS = {
    "name": "Hall A",
    "type": "dome",
    "address": "서울특별시 종로구 1",
    "latitude": 37.57,
    "longitude": 126.98,
    "description": "above the door",
}


def thing(aws: Aws, config: Path, *options: str) -> dict[str, Any]:
    made = json.loads(aws.run("thing", "--config", config, *options))
    assert isinstance(made, dict)
    return made


def labelled(folder: Path, labels: dict[str, Any]) -> Path:
    return site(folder, device={"thing_name": "gate-01", "labels": labels})


def test_a_device_without_labels_is_a_thing_without_attributes(aws: Aws, tmp_path: Path) -> None:
    assert thing(aws, site(tmp_path)) == {"thingName": "gate-01"}
    assert aws.told == ""


def test_up_to_three_attributes_need_no_type(aws: Aws, tmp_path: Path) -> None:
    made = thing(aws, labelled(tmp_path, {"name": "Hall", "latitude": -0.5, "longitude": 1e-7}))
    attributes = {"name": "Hall", "latitude": "-0.5", "longitude": "0.0000001"}
    assert made == {"thingName": "gate-01", "attributePayload": {"attributes": attributes}}


def test_more_need_one_and_it_must_be_made_first(aws: Aws, tmp_path: Path) -> None:
    labels = {"name": "Hall", "type": "dome", "latitude": 1.0, "longitude": 2.0}
    assert thing(aws, labelled(tmp_path, labels))["thingTypeName"] == "edge-mask"
    assert "aws iot create-thing-type --thing-type-name edge-mask" in aws.told
    assert thing(aws, labelled(tmp_path, labels), "--type", "door")["thingTypeName"] == "door"


def test_what_an_attribute_cannot_hold_is_left_out_with_a_sentence(aws: Aws, tmp_path: Path) -> None:
    made = thing(aws, labelled(tmp_path, LABELS))
    attributes = made["attributePayload"]["attributes"]
    assert attributes == {
        "name": "Hall_A", "type": "dome", "latitude": "37.57", "longitude": "126.98", "description": "above_the_door",
    }  # fmt: skip
    assert all(re.fullmatch(r"[a-zA-Z0-9_.,@/:#-]+", value) for value in attributes.values())
    assert "device.labels.address: is left out; an attribute of a thing holds letters" in aws.told
    assert "device.labels.name: an attribute of a thing holds no spaces; it becomes Hall_A" in aws.told


def test_a_text_that_is_too_long_is_left_out_with_a_sentence(aws: Aws, tmp_path: Path) -> None:
    assert thing(aws, labelled(tmp_path, {"description": "x" * 801})) == {"thingName": "gate-01"}
    assert "device.labels.description: is left out; an attribute of a thing has at most 800 characters" in aws.told
    assert "attributePayload" in thing(aws, labelled(tmp_path, {"description": "x" * 800}))


def test_cloudformation_keeps_three_attributes_and_names_the_rest(aws: Aws, tmp_path: Path) -> None:
    made = yaml.safe_load(aws.run("thing", "--config", labelled(tmp_path, LABELS), "--format", "cloudformation"))
    properties = made["Resources"]["Thing"]["Properties"]
    assert properties["AttributePayload"]["Attributes"] == {"name": "Hall_A", "type": "dome", "latitude": "37.57"}
    assert "device.labels: longitude, description left out; CloudFormation makes things without a type" in aws.told
