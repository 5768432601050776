"""The manifests without a cluster: what it would refuse, and what would only show once a pod fails."""

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from tests.deploy.manifests import KUBERNETES, configurations, objects, of_kind, pods, with_secrets

from edge_mask.cli import main
from edge_mask.settings.load import parse

VERSIONS = ("1.30", kubernetes_validate.latest_version())
ENVIRON = {"POD_NAME": "edge-mask-sink-0", "NODE_NAME": "gate-01"}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_cluster_would_take_every_object(version: str) -> None:
    for _file, each in objects():
        kubernetes_validate.validate(each, version, strict=True)


def _mistyped(each: dict[str, Any]) -> None:
    container = each["spec"]["template"]["spec"]["containers"][0]
    container["livenesProbe"] = container.pop("livenessProbe")


def _of_another_type(each: dict[str, Any]) -> None:
    each["spec"]["replicas"] = "two"


def _without_what_is_required(each: dict[str, Any]) -> None:
    del each["spec"]["selector"]


@pytest.mark.parametrize("spoil", [_mistyped, _of_another_type, _without_what_is_required])
def test_a_typing_error_is_found(spoil: Callable[[dict[str, Any]], None]) -> None:
    for each in map(copy.deepcopy, of_kind("StatefulSet")):
        spoil(each)
        with pytest.raises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(each, VERSIONS[0], strict=True)


def test_what_is_applied_together_is_there_and_the_example_is_not_among_it() -> None:
    listed = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())
    there = {path.name for path in KUBERNETES.glob("*.yaml")}
    assert set(listed["resources"]) == there - {"kustomization.yaml", "devices.example.yaml"}
    images = {container["image"].rpartition(":")[0] for _, pod in pods() for container in pod["containers"]}
    assert {image["name"] for image in listed["images"]} == images
    assert {each["metadata"]["namespace"] for _, each in objects() if each["kind"] != "Namespace"} == {
        each["metadata"]["name"] for each in of_kind("Namespace")
    }


def test_no_pod_is_root_or_writes_where_it_should_not() -> None:
    for _, pod in pods():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] >= 10_000
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        for container in pod["containers"]:
            own = container["securityContext"]
            assert (own["allowPrivilegeEscalation"], own["readOnlyRootFilesystem"]) == (False, True)
            assert own["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]
            assert re.search(r":\d+\.\d+\.\d+$", container["image"]), "a version, which does not change by itself"
            assert {"startupProbe", "livenessProbe"} <= container.keys()


def test_what_pods_name_is_defined() -> None:
    """Volumes, ConfigMaps, ports of probes and services, selectors: a cluster takes each wrong name and then waits."""
    maps = {each["metadata"]["name"] for each in of_kind("ConfigMap")}
    labels = {}
    for workload, pod in pods():
        spec = workload["spec"]
        own = spec["template"]["metadata"]["labels"]
        assert spec["selector"]["matchLabels"].items() <= own.items()
        claims = {each["metadata"]["name"] for each in spec.get("volumeClaimTemplates", ())}
        there = {each["name"] for each in pod["volumes"]} | claims
        labels[own["app.kubernetes.io/name"]] = pod
        for container in pod["containers"]:
            assert {each["name"] for each in container["volumeMounts"]} == there
            assert {"/tmp", "/var/lib/edge-mask"} <= {each["mountPath"] for each in container["volumeMounts"]}
            ports = {each["name"] for each in container.get("ports", ())}
            probed = [container[name] for name in container if name.endswith("Probe")]
            assert {each["httpGet"]["port"] for each in probed if "httpGet" in each} <= ports
        assert {each["configMap"]["name"] for each in pod["volumes"] if "configMap" in each} <= maps
        if workload["kind"] == "StatefulSet":
            assert spec["serviceName"] in {each["metadata"]["name"] for each in of_kind("Service")}
    for each in (*of_kind("Service"), *of_kind("PodDisruptionBudget")):
        selector = each["spec"]["selector"]
        assert selector.get("matchLabels", selector)["app.kubernetes.io/name"] in labels


def test_all_traffic_is_refused_but_what_the_configurations_need() -> None:
    policies = {each["metadata"]["name"]: each["spec"] for each in of_kind("NetworkPolicy")}
    assert policies["nobody"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for name, wanted in (("sink", {8883, 5432}), ("analyse", {8883, 443})):
        assert {port["port"] for rule in policies[name]["egress"] for port in rule["ports"]} == wanted


@pytest.mark.parametrize(("name", "text"), configurations(), ids=lambda each: str(each).partition("\n")[0])
def test_each_configuration_is_one(tmp_path: Path, name: str, text: str) -> None:
    settings = parse(with_secrets(text, tmp_path, **ENVIRON), name, ENVIRON)
    who = settings.device.thing_name if settings.sink is None else settings.sink.client_id
    assert who in ENVIRON.values()
    assert settings.mqtt.port == 8883
    assert settings.mqtt.tls is not None
    mounted = text.count("/run/secrets/")
    assert mounted == text.count("/run/secrets/edge-mask/") >= 2


def test_two_sinks_have_two_sessions(tmp_path: Path) -> None:
    (text,) = (text for name, text in configurations() if name == "edge-mask-sink")
    text = with_secrets(text, tmp_path)
    names = [parse(text, "sink", {"POD_NAME": f"edge-mask-sink-{number}"}).sink for number in (0, 1)]
    assert [each.client_id for each in names if each] == ["edge-mask-sink-0", "edge-mask-sink-1"]


def test_what_a_pod_runs_is_a_command_with_these_options(capsys: pytest.CaptureFixture[str]) -> None:
    for _, pod in pods():
        for container in pod["containers"]:
            command, *options = container["args"]
            with pytest.raises(SystemExit, match="0"):
                main([command, "--help"])
            assert options[0] in capsys.readouterr().out


def test_the_example_for_devices_warns_first() -> None:
    text = (KUBERNETES / "devices.example.yaml").read_text()
    assert text.index("WARNING") < text.index("apiVersion")
