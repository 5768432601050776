"""The recipe: what a nucleus refuses, and what it takes without a word and does nothing."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.component.recipes import ARCHITECTURES, access_of, problems, resources

from edge_mask import __version__
from edge_mask.kinds import KINDS
from edge_mask.wire.topics import WISHES, JobTopics, ShadowTopics, Topics

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "recipe.yaml"
PUBLISH, SUBSCRIBE = "aws.greengrass#PublishToIoTCore", "aws.greengrass#SubscribeToIoTCore"
TFLITE = "ml/tflite/object-detection"
"""The topic of AWS's TensorFlow Lite component, by its default."""


def recipe() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))
    return read


def test_the_recipe_is_one_that_both_nuclei_take() -> None:
    assert problems(recipe()) == []


def _lifecycle(made: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = made["Manifests"][0]["Lifecycle"]
    return found


def _policies(made: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = made["ComponentConfiguration"]["DefaultConfiguration"]["accessControl"]
    return found["aws.greengrass.ipc.mqttproxy"]  # type: ignore[no-any-return]


def _renamed(part: dict[str, Any], old: str, new: str) -> None:
    part[new] = part.pop(old)


def _set(part: dict[str, Any], key: str, value: Any) -> None:
    part[key] = value


FAULTS: dict[str, Callable[[dict[str, Any]], object]] = {
    "run is misspelt, so nothing runs": lambda r: _renamed(_lifecycle(r), "run", "rnu"),
    "Run with a capital, which lite does not know": lambda r: _renamed(_lifecycle(r), "run", "Run"),
    "a shutdown script, which lite does not know": lambda r: _set(_lifecycle(r), "shutdown", "true"),
    "script in small letters": lambda r: _renamed(_lifecycle(r)["run"], "Script", "script"),
    "Skipif, which lite does not know": lambda r: _set(_lifecycle(r)["install"], "Skipif", "onpath python3"),
    "a shell variable in braces": lambda r: _set(_lifecycle(r), "run", {"Script": "sh ${HOME}/run.sh"}),
    "another architecture's script": lambda r: _set(r["Manifests"][1]["Lifecycle"], "run", _lifecycle(r)["run"]),
    "a configuration without a default": lambda r: _set(
        _lifecycle(r), "run", {"Script": "{artifacts:decompressedPath}/edge-mask-amd64/run.sh {configuration:/none}"}
    ),
    "a timeout in words": lambda r: _set(_lifecycle(r)["install"], "Timeout", "half an hour"),
    "URI in capitals, which lite does not know": lambda r: _renamed(r["Manifests"][0]["Artifacts"][0], "Uri", "URI"),
    "an artifact that nobody builds": lambda r: _set(
        r["Manifests"][0]["Artifacts"][0], "Uri", "s3://BUCKET_NAME/edge-mask/0.1.0/edge-mask.zip"
    ),
    "an artifact of another version": lambda r: _set(r, "ComponentVersion", "9.9.9"),
    "an artifact that is not unpacked": lambda r: r["Manifests"][0]["Artifacts"][0].pop("Unarchive"),
    "no runtime, so lite steps over it": lambda r: r["Manifests"][0]["Platform"].pop("runtime"),
    "one architecture only": lambda r: r["Manifests"].pop(),
    "a recipe variable in the configuration": lambda r: _set(
        r["ComponentConfiguration"]["DefaultConfiguration"], "device", {"labels": {"name": "{iot:thingName}"}}
    ),
    "a policy id that another component may have": lambda r: _renamed(_policies(r), "edge-mask:mqttproxy:1", "1"),
    "an operation that does not exist": lambda r: _policies(r)["edge-mask:mqttproxy:1"]["operations"].append("Publish"),
    "a policy for everything": lambda r: _policies(r)["edge-mask:mqttproxy:1"]["resources"].append("*"),
    "a policy for everything below": lambda r: _policies(r)["edge-mask:mqttproxy:1"]["resources"].append("edge-mask/#"),
    "a policy for nothing": lambda r: _policies(r)["edge-mask:mqttproxy:1"]["resources"].clear(),
    "Operations with a capital, which lite does not know": lambda r: _renamed(
        _policies(r)["edge-mask:mqttproxy:1"], "operations", "Operations"
    ),
    "more policies than lite has room for": lambda r: _policies(r)["edge-mask:mqttproxy:1"]["resources"].extend(
        f"edge-mask/+/{number:030}" for number in range(60)
    ),
    "a service that we do not use": lambda r: _renamed(
        access_of(r), "aws.greengrass.ipc.mqttproxy", "aws.greengrass.mqttproxy"  # type: ignore[arg-type]
    ),
    "a dependency on the token exchange service": lambda r: _set(
        r, "ComponentDependencies", {"aws.greengrass.TokenExchangeService": {"VersionRequirement": ">=0.0.0"}}
    ),
    "a key that no recipe has": lambda r: _set(r, "Manifest", []),
    "no version": lambda r: r.pop("ComponentVersion"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_recipe_is_found_out_that_has(fault: str) -> None:
    spoilt = copy.deepcopy(recipe())
    FAULTS[fault](spoilt)
    spoilt.setdefault("ComponentVersion", "none")
    assert problems(spoilt) != []


def test_the_component_may_publish_what_the_daemon_publishes_and_no_more() -> None:
    topics, shadow, jobs = Topics("edge-mask/{thing}", "+"), ShadowTopics("+", WISHES), JobTopics("+")
    said = [*map(topics.of, (kind.name for kind in KINDS)), topics.answer("+"), TFLITE]
    assert sorted(resources(recipe(), PUBLISH)) == sorted([*said, *ShadowTopics("+").said, *shadow.said, *jobs.said])


def test_the_component_may_hear_what_the_daemon_hears_and_no_more() -> None:
    topics, shadow, jobs = Topics("edge-mask/{thing}", "+"), ShadowTopics("+", WISHES), JobTopics("+")
    heard = [topics.commands, topics.of("alerts"), *ShadowTopics("+").heard, *shadow.heard, *jobs.heard]
    assert sorted(resources(recipe(), SUBSCRIBE)) == sorted(heard)


def test_the_recipe_and_the_build_tool_name_the_program_and_its_version_as_it_does_itself() -> None:
    gdk = json.loads((ROOT / "gdk-config.json").read_text(encoding="utf-8"))
    assert list(gdk["component"]) == [recipe()["ComponentName"]] == ["edge-mask"]
    assert gdk["component"]["edge-mask"]["version"] == recipe()["ComponentVersion"] == __version__
    command = gdk["component"]["edge-mask"]["build"]["custom_build_command"]
    assert (ROOT / command[-1]).exists()


def test_every_manifest_is_of_an_architecture_that_is_built() -> None:
    from component import build

    assert set(build.MACHINES) == ARCHITECTURES
