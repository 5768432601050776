"""What leaves for AWS is what AWS takes: cfn-lint, and moto in the place of the account."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]  # it ships no types
import cfnlint.api
import pytest
import yaml
from moto import mock_aws
from tests.identity.judge import ACCOUNT, REGION, plain
from tests.identity.sites import EXAMPLES, ROOT, Aws, rule, site

Way = tuple[Path, tuple[str, ...]]
FOR_EACH: list[Way] = [(config, (what,)) for config in EXAMPLES for what in ("policy", "thing")]
ONCE: list[Way] = [
    (EXAMPLES[0], ("policy", "--fleet")),
    (EXAMPLES[0], ("policy", "--kind", "role")),
    (EXAMPLES[0], ("policy", "--kind", "role", "--bucket", "artifacts-7")),
]


@pytest.fixture(autouse=True)
def _at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)  # examples name files of the repository


@pytest.fixture
def cloud() -> Iterator[Any]:
    with mock_aws():
        yield lambda service: boto3.client(service, REGION)


@pytest.mark.parametrize(("config", "way"), FOR_EACH + ONCE, ids=lambda part: getattr(part, "name", "-"))
def test_every_example_makes_templates_without_a_finding(
    aws: Aws, tmp_path: Path, config: Path, way: tuple[str, ...]
) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(aws.run(*way, "--config", config, "--format", "cloudformation"), "utf-8")
    assert [f"{found.rule.id}: {found.message}" for found in cfnlint.api.lint_file(template)] == []


def test_a_template_with_a_fault_is_found(aws: Aws, tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    made = aws.run("policy", "--config", EXAMPLES[0], "--format", "cloudformation")
    template.write_text(made.replace("PolicyDocument", "Document"), "utf-8")
    assert cfnlint.api.lint_file(template)


@pytest.mark.parametrize("config", EXAMPLES, ids=lambda path: path.name)
def test_every_example_becomes_a_thing_with_a_certificate_and_its_policies(aws: Aws, cloud: Any, config: Path) -> None:
    iot = cloud("iot")
    thing = json.loads(aws.run("thing", "--config", config))
    if "thingTypeName" in thing:
        iot.create_thing_type(thingTypeName=thing["thingTypeName"])
    name = iot.create_thing(**thing)["thingName"]
    certificate = iot.create_keys_and_certificate(setAsActive=True)["certificateArn"]
    iot.attach_thing_principal(thingName=name, principal=certificate)
    policies = aws.policies(config)
    for policy, document in policies.items():
        iot.create_policy(policyName=policy, policyDocument=json.dumps(document))
        iot.attach_policy(policyName=policy, target=certificate)
    kept = iot.describe_thing(thingName=name)
    assert kept["attributes"] == thing.get("attributePayload", {}).get("attributes", {})
    attached = {each["policyName"] for each in iot.list_attached_policies(target=certificate)["policies"]}
    assert attached == policies.keys()
    for policy, document in policies.items():
        assert json.loads(iot.get_policy(policyName=policy)["policyDocument"]) == document


def test_the_template_holds_the_policies_that_the_json_holds(aws: Aws, cloud: Any, tmp_path: Path) -> None:
    rules = {f"r{n}": rule("SELECT * FROM 'edge-mask/+/visits'", f"up/{n}/{'x' * 40}/${{verdict}}") for n in range(20)}
    config = site(tmp_path, rules=rules)
    template = yaml.safe_load(aws.run("policy", "--config", config, "--format", "cloudformation"))
    made = [each["Properties"] for each in template["Resources"].values() if each["Type"] == "AWS::IoT::Policy"]
    documents = [plain(each["PolicyDocument"]) for each in made]
    assert len(documents) == 2
    assert resources(documents) == resources(aws.policies(config).values())
    for each, document in zip(made, documents, strict=True):
        cloud("iot").create_policy(policyName=each["PolicyName"], policyDocument=json.dumps(document))


def resources(documents: Any) -> set[tuple[str, str]]:
    """Pairs of an action and a resource: a template splits them otherwise."""
    return {
        (action, arn)
        for document in documents
        for statement in document["Statement"]
        for action in statement["Action"]
        for arn in statement["Resource"]
    }


def test_the_policy_of_the_role_is_taken_by_iam(aws: Aws, cloud: Any, tmp_path: Path) -> None:
    words = ("policy", "--kind", "role", "--config", site(tmp_path), "--bucket", "artifacts-7")
    made = cloud("iam").create_policy(PolicyName="artifacts", PolicyDocument=aws.run(*words))
    assert made["Policy"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:policy/artifacts"
