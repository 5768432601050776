"""From what a nucleus holds to a wish: texts for everything, keys of AWS's own component, keys that are not ours."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from edge_mask.control.nucleus_wish import wish_of
from edge_mask.errors import ConfigurationError
from edge_mask.settings import Settings
from edge_mask.settings.load import parse
from edge_mask.settings.overlay import Overlay

ROOT = Path(__file__).parents[2]
BASE = (ROOT / "component/config.yaml").read_text(encoding="utf-8").replace("greengrass ", "none ")
"""The component's own file, for a machine without a nucleus."""


def settings(document: dict[str, Any]) -> Settings:
    """What the component runs with when the nucleus holds `document`."""
    overlay = Overlay().changed(wish_of(document).config, "the Greengrass configuration")
    return parse(BASE, "config.yaml", {"AWS_IOT_THING_NAME": "gate-01"}, overlay)


def as_texts(part: Any) -> Any:
    """As nucleus lite reads the YAML of a recipe."""
    if isinstance(part, dict):
        return {key: as_texts(value) for key, value in part.items()}
    if isinstance(part, list):
        return [as_texts(value) for value in part]
    return "null" if part is None else str(part).lower() if isinstance(part, bool) else str(part)


def recipe_default() -> dict[str, Any]:
    recipe = yaml.safe_load((ROOT / "recipe.yaml").read_text(encoding="utf-8"))
    default: dict[str, Any] = recipe["ComponentConfiguration"]["DefaultConfiguration"]
    return default


@pytest.mark.parametrize("shape", [lambda part: part, as_texts], ids=["as written", "as lite reads it"])
def test_the_default_configuration_of_the_recipe_is_a_configuration(shape: Any) -> None:
    found = settings(shape(recipe_default()))
    assert [camera.name for camera in found.cameras] == ["front"]
    assert (found.device.thing_name, found.gate.votes, found.snapshots.blur_faces) == ("gate-01", 5, False)


FULL: dict[str, Any] = {
    "cameras": [
        {"name": "a", "source": "usb:0", "rotate": 180, "mirror": True, "zone": [[0, 0], [1, 0.5], [0.5, 1]]},
        {"name": "b", "source": "images:/pictures", "role": "cctv", "zone": None, "loop": True, "interval": 5},
    ],
    "sensors": [{"name": "s", "kind": "thermal", "min": -5.5, "max": 60, "interval": "2s"}],
    "outputs": [{"name": "lamp", "kind": "gpio", "chip": "gpiochip0", "line": 17, "active_low": True}],
    "detector": {"threads": 2, "score_threshold": 0.4},
    "gate": {"votes": 3, "fever_above": 37.25, "temperature_sensor": "s"},
    "device": {"labels": {"name": "2", "latitude": 37.57}},
    "detections": "off",
}


def test_a_configuration_of_texts_alone_means_the_same_as_one_with_numbers() -> None:
    assert settings(as_texts(FULL)) == settings(FULL)


def test_a_text_that_looks_like_a_number_stays_a_text_where_a_text_belongs() -> None:
    assert settings(as_texts(FULL)).device.labels.name == "2"


def test_whole_numbers_that_the_classic_nucleus_keeps_as_fractions_are_whole() -> None:
    assert wish_of({"gate": {"votes": 5.0}}).config == {"gate": {"votes": 5}}
    assert wish_of({"gate": {"votes": 5.5}}).config == {"gate": {"votes": 5.5}}, "and the sentence says the rest"


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"gate": {"votes": "many"}}, 'gate.votes: found "many"; allowed: a whole number'),
        ({"gate": {"votes": "5.5"}}, 'gate.votes: found "5.5"'),
        ({"gate": {"vote": "5"}}, 'did you mean "votes"?'),
        ({"snapshots": {"blur_faces": "perhaps"}}, "snapshots.blur_faces"),
        ({"gate": "5"}, "gate: "),
        ({"cameras": {"front": "usb:0"}}, "cameras: found a mapping"),
        ({"mqtt": {"host": "elsewhere"}}, "mqtt: cannot be set from outside"),
        ({"device": {"thing_name": "other"}}, "device.thing_name: cannot be set from outside"),
        ({"outbox": {"path": "/tmp/x.db"}}, "outbox.path: cannot be set from outside"),
        ({"aws": {"jobs": "false"}}, "aws: cannot be set from outside"),
        ({"web": {"enabled": "true"}}, "web: cannot be set from outside"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence_that_names_the_nucleus(
    document: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        settings({"cameras": [{"name": "front", "source": "usb:0"}], **document})
    assert sentence in str(refused.value)
    assert "the Greengrass configuration: " in str(refused.value)


def test_a_configuration_without_bottom_is_refused_with_a_sentence_too() -> None:
    bottomless: dict[str, Any] = {}
    for _ in range(900):
        bottomless = {"deeper": bottomless}
    with pytest.raises(ConfigurationError, match="nested more than 50 deep"):
        settings({"sensors": [{"name": "s", "kind": "thermal"}], "gate": bottomless})


def test_what_the_nucleus_reads_itself_is_no_wish() -> None:
    assert wish_of({"accessControl": {"x": {}}, "install": {"system_site_packages": "true"}}).config == {}
    assert wish_of(None).config == wish_of([]).config == {}


# -- keys of AWS's TensorFlow Lite object detection component ------------------------------------------------


def test_a_camera_of_awss_component_is_a_room_camera_with_its_interval() -> None:
    found = settings({"UseCamera": "true", "InferenceInterval": "10", "PublishResultsOnTopic": "ml/results"})
    (camera,) = found.cameras
    assert (camera.source, camera.role, camera.interval) == ("usb:0", "cctv", 10.0)
    assert found.topics.tflite_results == "ml/results"


def test_a_folder_of_pictures_is_looked_at_again_and_again() -> None:
    (camera,) = settings({"UseCamera": "false", "ImageDirectory": "/pictures/", "ImageName": "one.jpg"}).cameras
    assert (camera.source, camera.loop, camera.interval) == ("images:/pictures", True, 3600.0)


def test_the_camera_wins_over_the_folder_and_over_the_recipes_own() -> None:
    document = {**recipe_default(), "UseCamera": "true", "ImageDirectory": "/pictures"}
    assert [camera.source for camera in settings(document).cameras] == ["usb:0"]
    assert [camera.name for camera in settings(document).cameras] == ["camera"]


def test_an_interval_alone_is_one_for_our_own_cameras() -> None:
    document = {**recipe_default(), "InferenceInterval": "0.5"}
    assert [(each.name, each.interval) for each in settings(document).cameras] == [("front", 0.5)]


def test_our_own_key_wins_over_theirs() -> None:
    document = {**recipe_default(), "PublishResultsOnTopic": "theirs", "topics": {"tflite_results": "ours"}}
    assert settings(document).topics.tflite_results == "ours"


def test_what_means_something_else_here_is_said() -> None:
    notes = wish_of(
        {
            "Accelerator": "gpu",
            "ImageDirectory": "/pictures",
            "ImageName": "one.jpg",
            "ModelResourceKey": {"model": "TensorFlowLite-SSD"},
        }
    ).notes
    assert [note.partition(":")[0] for note in notes] == ["Accelerator", "ImageName", "ModelResourceKey"]
    assert wish_of({"Accelerator": "cpu", "UseCamera": "true"}).notes == ()


def test_an_interval_in_words_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="hourly"):
        settings({"UseCamera": "true", "InferenceInterval": "hourly"})
