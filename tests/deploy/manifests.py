"""The files of `deploy/`, read."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from tests.papers import Papers

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
WORKLOADS = ("DaemonSet", "Deployment", "StatefulSet")


def objects() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object that is given to a cluster, and the name of its file."""
    for path in sorted(KUBERNETES.glob("*.yaml")):
        if path.name != "kustomization.yaml":
            yield from ((path.name, each) for each in yaml.safe_load_all(path.read_text()))


def of_kind(*kinds: str) -> list[dict[str, Any]]:
    return [each for _, each in objects() if each["kind"] in kinds]


def pods() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each workload, and the pod that it makes."""
    return [(each, each["spec"]["template"]["spec"]) for each in of_kind(*WORKLOADS)]


def configurations() -> list[tuple[str, str]]:
    """The files of edge-mask in ConfigMaps: name of the map, text."""
    return [(each["metadata"]["name"], text) for each in of_kind("ConfigMap") for text in each["data"].values()]


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return found


def with_secrets(text: str, folder: Path, **environ: str) -> str:
    """A configuration whose secrets lie in `folder`, as the engine would put them into /run/secrets."""
    for name, value in environ.items():
        text = text.replace("${" + name + "}", value)
    for name in re.findall(r"/run/secrets/([\w./-]+)", text):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(Papers(folder / "papers").ca.read_bytes() if name.endswith(".pem") else b"secret\n")
    return text.replace("/run/secrets/", f"{folder}/")
