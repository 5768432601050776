"""Neighbours and closer looks: what can never work is a sentence."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from edge_mask.errors import ConfigurationError
from edge_mask.settings.fleet import Fleet
from edge_mask.settings.idle import remarks
from edge_mask.settings.load import load

CAMERA = {"name": "front", "source": "usb:0"}


def config(folder: Path, **sections: Any) -> Path:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({"device": {"thing_name": "gate-01"}, "cameras": [CAMERA], **sections}))
    return path


@pytest.mark.parametrize(
    ("sections", "sentence"),
    [
        ({"fleet": {"neighbours": ["gate-01"]}}, 'fleet.neighbours[0]: "gate-01" is this device itself'),
        ({"fleet": {"neighbours": ["a", "b", "a"]}}, 'fleet.neighbours[2]: "a" stands there twice'),
        ({"fleet": {"neighbours": ["edge/+"]}}, "the thing name of another device"),
        ({"fleet": {"neighbours": ["a"]}, "mqtt": {"transport": "none"}}, "no neighbour would be heard"),
        ({"fleet": {"neighbours": ["a"]}, "topics": {"root": "site"}}, "topics.root: has no {thing} in it"),
        ({"fleet": {"neighbours": ["a"]}, "topics": {"alerts": "alarm"}}, "topics.alerts: has no {thing} in it"),
        ({"fleet": {"watch": {"votes": 7}}}, "fleet.watch: does nothing without fleet.neighbours"),
        ({"fleet": {"neighbours": ["a"], "watch": {"votes": 50}}}, "gate.window, 2s, holds 11 looks meanwhile"),
        ({"fleet": {"neighbours": ["a"], "watch": {"threshold": 0.1}}}, "fleet.watch.threshold"),
        ({"fleet": {"neighbours": ["a"], "watch": {"for": "0.5s"}}}, "fleet.watch.for"),
        ({"fleet": {"neighbors": ["a"]}}, 'did you mean "neighbours"?'),
        ({"fleet": {"stream_url": "admin:hunter2@camera/live"}}, "an rtsp, rtsps, http or https address, or none"),
    ],
)
def test_what_can_never_work_is_refused(tmp_path: Path, sections: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(config(tmp_path, **sections), {})
    assert sentence in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("sections", "text"),
    [
        ({"fleet": {"neighbours": ["a"], "watch": {"votes": 3}}}, "gate.votes is 5 already"),
        (
            {"cameras": [{**CAMERA, "role": "cctv"}], "fleet": {"neighbours": ["a"], "watch": {"votes": 7}}},
            "there is no camera at a gate",
        ),
        ({"cameras": [], "fleet": {"neighbours": ["a"], "type": "analysis"}}, "there is no camera to look with"),
    ],
)
def test_what_does_nothing_here_may_do_something_elsewhere(tmp_path: Path, sections: dict[str, Any], text: str) -> None:
    found = [each.text for each in remarks(load(config(tmp_path, **sections), {}))]
    assert any(text in each for each in found), found


def test_a_topic_with_the_thing_in_it_is_enough(tmp_path: Path) -> None:
    topics = {"root": "site", "alerts": "site/{thing}/alarm"}
    load(config(tmp_path, topics=topics, fleet={"neighbours": ["a"]}), {})


def test_the_password_of_a_stream_is_a_secret_and_never_written_back(tmp_path: Path) -> None:
    fleet = {"stream_url": "rtsp://admin:hunter2@camera/live"}
    settings = load(config(tmp_path, fleet=fleet), {})
    assert "hunter2" in settings.secrets()
    assert "hunter2" not in str(settings.model_dump())
    assert "hunter2" not in repr(Fleet.model_validate(fleet))
