"""What the page about the component says can be pasted."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.component.recipes import problems

from component import build
from edge_mask.control.nucleus_wish import wish_of
from edge_mask.control.tflite_component import KEYS
from edge_mask.settings.load import parse
from edge_mask.settings.overlay import Overlay, merged
from edge_mask.wire.tflite_component import TfliteResults

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/greengrass.md").read_text(encoding="utf-8").partition("# The component")[2]
BLOCKS = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)]
DEPLOYED = [json.loads(block["edge-mask"]["configurationUpdate"]["merge"]) for block in BLOCKS if "edge-mask" in block]
MERGES = DEPLOYED + [block for block in BLOCKS if "edge-mask" not in block and "timestamp" not in block]


def recipe() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((ROOT / "recipe.yaml").read_text(encoding="utf-8"))
    return read


@pytest.mark.parametrize("merge", MERGES, ids=lambda merge: next(iter(merge)))
def test_a_merge_of_the_page_gives_a_configuration_over_that_of_the_recipe(merge: dict[str, Any]) -> None:
    made = recipe()
    default = made["ComponentConfiguration"]["DefaultConfiguration"]
    made["ComponentConfiguration"]["DefaultConfiguration"] = merged(default, merge)
    assert problems(made) == []
    base = (ROOT / "component/config.yaml").read_text(encoding="utf-8").replace("greengrass ", "none ")
    wish = wish_of(made["ComponentConfiguration"]["DefaultConfiguration"])
    assert parse(base, "config.yaml", {"AWS_IOT_THING_NAME": "gate-01"}, Overlay().changed(wish.config, "page")).cameras


def test_the_page_has_each_kind_of_example() -> None:
    assert len(DEPLOYED) == 1
    assert len(MERGES) >= 4
    assert all(key in PAGE for key in KEYS)


def test_the_page_shows_the_message_that_is_sent() -> None:
    (shown,) = [block for block in BLOCKS if "timestamp" in block]
    from tests.wire.test_tflite_component import FACE, look

    sent = json.loads(TfliteResults("t", "faces").of(look(FACE)).payload)
    assert shown.keys() == sent.keys()
    assert shown["inference-results"][0].keys() == sent["inference-results"][0].keys()


def test_every_build_of_the_page_has_options_that_exist() -> None:
    lines = re.findall(r"^component/build\.sh(.*)$", PAGE, re.MULTILINE)
    assert len(lines) >= 4
    for line in lines:
        build._arguments().parse_args(shlex.split(line, comments=True))


def test_the_page_names_what_the_build_makes() -> None:
    version = recipe()["ComponentVersion"]
    assert f"edge-mask={version}" in PAGE
    (block,) = [block for block in BLOCKS if "edge-mask" in block]
    assert block["edge-mask"]["componentVersion"] == version
