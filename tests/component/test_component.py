"""The component as a nucleus runs it: the recipe's own scripts, from the artifact to a visit at AWS IoT Core."""

import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
import yaml
from tests.component.recipes import resources
from tests.component.test_recipe import PUBLISH, SUBSCRIBE
from tests.end_to_end.daemon import BARE, write_config, write_model, write_readings, write_scene
from tests.nucleus.fake import FakeNucleus

from edge_mask.nucleus.place import SOCKET, TOKEN
from edge_mask.sql.topics import topic_matches
from edge_mask.wire.topics import WISHES, ShadowTopics

AMD64 = "edge-mask-amd64"
LIBRARIES = Path(numpy.__file__).parents[1]
"""What the tests have installed, in the place of a package index."""
RESULTS = "ml/tflite/object-detection"


class Deployed:
    """The component on a device: a nucleus, what it unpacked, and the scripts of the recipe with their variables."""

    def __init__(self, built: Path, root: Path) -> None:
        self.root = root
        self.work = root / "work" / "edge-mask"
        self.work.mkdir(parents=True)
        self.unpacked = root / "packages" / "artifacts-unarchived" / "edge-mask" / "0.1.0"
        with zipfile.ZipFile(built / f"artifacts/edge-mask/0.1.0/{AMD64}.zip") as artifact:
            artifact.extractall(self.unpacked / AMD64)
        self.recipe = yaml.safe_load((built / "recipes/recipe.yaml").read_text())
        write_model(root)
        write_scene(root / "scene", [None, *[BARE] * 20])

    def script(self, phase: str) -> str:
        """What nucleus lite gives to bash."""
        text: str = self.recipe["Manifests"][0]["Lifecycle"][phase]["Script"]
        for variable, value in {
            "{artifacts:decompressedPath}": f"{self.unpacked}",
            "{work:path}": f"{self.work}/",
            "{configuration:/install/system_site_packages}": "false",
        }.items():
            text = text.replace(variable, value)
        assert "{" not in text
        return text

    def environ(self, **more: str) -> dict[str, str]:
        bare = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {**bare, "PYTHON": sys.executable, "PYTHONPATH": str(LIBRARIES), **more}

    def install(self) -> None:
        """As a nucleus does, but pip takes our own wheel alone: the rest is there (PYTHONPATH)."""
        done = subprocess.run(
            ["bash", "-c", self.script("install")], cwd=self.work, env=self.environ(PIP_NO_DEPS="1", PIP_NO_INDEX="1"),
            capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")

    def start(self, nucleus: FakeNucleus) -> "subprocess.Popen[bytes]":
        with (self.root / "log").open("ab") as log:
            return subprocess.Popen(
                ["bash", "-c", self.script("run")], cwd=self.work, env=self.environ(**nucleus.environment), stderr=log
            )

    @property
    def log(self) -> str:
        return (self.root / "log").read_text()

    def configuration(self, **more: Any) -> dict[str, Any]:
        """The recipe's, with what a deployment merges for this device."""
        default: dict[str, Any] = dict(self.recipe["ComponentConfiguration"]["DefaultConfiguration"])
        camera = {"name": "front", "source": f"images:{self.root / 'scene'}", "interval": "0.05s"}
        return {
            **default,
            "cameras": [camera],
            "detector": {"model": str(self.root / "model"), "threads": 1},
            "gate": {"votes": 3, "still": "ignore"},
            "PublishResultsOnTopic": RESULTS,
            **more,
        }


@pytest.fixture(scope="module")
def deployed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    made = Deployed(built, tmp_path_factory.mktemp("greengrass"))
    made.install()
    return made


@pytest.fixture
def lite(deployed: Deployed) -> Iterator[FakeNucleus]:
    """Its configuration consists of texts, as from a recipe in YAML."""
    with FakeNucleus("lite", configuration=deployed.configuration()) as nucleus:
        yield nucleus


def test_a_visit_goes_from_the_recipe_through_the_nucleus(deployed: Deployed, lite: FakeNucleus) -> None:
    process = deployed.start(lite)
    try:
        visit = json.loads(lite.wait_for_count("edge-mask/gate-01/visits", 1)[0].payload)
        assert (visit["verdict"], visit["thing"], visit["camera"]) == ("no_pass", "gate-01", "front")
        results = json.loads(lite.wait_for_count(RESULTS, 3)[-1].payload)
        assert results["inference-results"][0]["Label"] == "no_mask"
        lite.configure(as_texts(deployed.configuration(health={"interval": 1})), ["health"])
        lite.wait_for_count("edge-mask/gate-01/health", 3)
        lite.wait_for(lambda: ShadowTopics("gate-01", WISHES).got in heard(lite))
        subscribed = heard(lite)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, deployed.log
    assert "refused" not in deployed.log
    assert {"edge-mask.db", "edge-mask.db.overlay.json", "edge-mask.db.nucleus.json"} <= {
        path.name for path in deployed.work.iterdir()
    }
    may_say, may_hear = resources(deployed.recipe, PUBLISH), resources(deployed.recipe, SUBSCRIBE)
    assert [each.topic for each in lite.published if not any(topic_matches(may, each.topic) for may in may_say)] == []
    assert [each for each in subscribed if not any(topic_matches(may, each) for may in may_hear)] == []


def test_a_deployment_waits_while_somebody_stands_at_the_gate(deployed: Deployed) -> None:
    source = f"images:{write_scene(deployed.root / 'occupied', [BARE] * 3)}"
    camera = {"name": "front", "source": source, "interval": "0.05s", "loop": True}
    with FakeNucleus("classic", configuration=deployed.configuration(cameras=[camera])) as nucleus:
        process = deployed.start(nucleus)
        try:
            nucleus.wait_for_count("edge-mask/gate-01/visits", 1)
            nucleus.announce_update("d1")
            nucleus.wait_for(lambda: bool(nucleus.deferrals))
            assert nucleus.deferrals[0]["recheckAfterMs"] == 5000
            camera["source"] = f"images:{write_scene(deployed.root / 'empty', [None] * 3)}"
            nucleus.configure(deployed.configuration(cameras=[camera]), ["cameras"])
            nucleus.wait_for(lambda: nucleus.states == ["RUNNING"] * 2)
            nucleus.announce_update("d1")
            nucleus.wait_for(lambda: len(nucleus.deferrals) == 2)
            assert nucleus.deferrals[1]["recheckAfterMs"] == 0
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0, deployed.log
    assert "ERRORED" not in nucleus.states


def test_a_configuration_that_can_never_work_ends_with_a_sentence(deployed: Deployed) -> None:
    for path in deployed.work.glob("edge-mask.db*"):
        path.unlink()
    with FakeNucleus("classic", configuration={"cameras": [{"name": "front", "source": "nowhere"}]}) as nucleus:
        process = deployed.start(nucleus)
        assert process.wait(60) == 2
        assert nucleus.states == ["ERRORED"]
    assert 'the Greengrass configuration: cameras[0].source: "nowhere" is not a source' in deployed.log
    assert "Traceback" not in deployed.log


def test_without_a_nucleus_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    readings = write_readings(tmp_path / "readings.csv", [36.5])
    sensor = {"name": "hall", "kind": "replay", "path": str(readings)}
    config = write_config(tmp_path, None, cameras=[], sensors=[sensor])
    program = (
        "import sys; from edge_mask.cli import main; code = main(sys.argv[1:]);"
        "parts = ('edge_mask.nucleus.', 'edge_mask.control.nucleus', 'aws');"
        "print([name for name in sys.modules if name.startswith(parts)]); sys.exit(code)"
    )
    command = [sys.executable, "-c", program, "run", "--config", str(config), "--until-idle"]
    bare = {name: value for name, value in os.environ.items() if name not in (SOCKET, TOKEN)}
    done = subprocess.run(command, cwd=tmp_path, env=bare, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "['edge_mask.nucleus.place']\n")


def heard(nucleus: FakeNucleus) -> list[str]:
    """What the component subscribes to at AWS IoT Core, or did before it built its house again."""
    streams = [stream for client in nucleus._clients for stream in list(client.streams.values())]
    return [topic for operation, topic in streams if operation == "SubscribeToIoTCore"]


def as_texts(part: Any) -> Any:
    if isinstance(part, dict):
        return {key: as_texts(value) for key, value in part.items()}
    if isinstance(part, list):
        return [as_texts(value) for value in part]
    return str(part)
