"""What leaves for AWS is what AWS takes."""

import json
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]  # it ships no types
import cfnlint.api
import pytest
import yaml
from moto import mock_aws

from edge_mask.rules.aws_actions import AWS_ACTIONS, NEEDS_ROLE, ONLY_API
from edge_mask.rules.export import as_cli, as_cloudformation, to_yaml
from edge_mask.rules.rule_file import RuleDefinition
from edge_mask.rules.rule_set import RuleSet

SHIPPED = sorted((Path(__file__).parents[2] / "config/rules").glob("*.yaml"))
ROLE = "arn:aws:iam::123456789012:role/rules"

EXAMPLES: dict[str, Any] = {
    "cloudwatchAlarm": {"alarmName": "a", "stateReason": "${reason}", "stateValue": "ALARM"},
    "cloudwatchLogs": {"logGroupName": "g", "batchMode": True},
    "cloudwatchMetric": {"metricNamespace": "n", "metricName": "m", "metricValue": "${value}", "metricUnit": "None"},
    "dynamoDB": {
        "tableName": "t", "operation": "INSERT", "hashKeyField": "id", "hashKeyValue": "${id}", "hashKeyType": "STRING",
        "rangeKeyField": "ts", "rangeKeyValue": "${timestamp()}", "rangeKeyType": "NUMBER", "payloadField": "p",
    },
    "dynamoDBv2": {"putItem": {"tableName": "t"}},
    "elasticsearch": {"endpoint": "https://a.example", "index": "i", "type": "t", "id": "${newuuid()}"},
    "firehose": {"deliveryStreamName": "s", "separator": "\n", "batchMode": False},
    "http": {
        "url": "https://a.example/${topic(2)}", "confirmationUrl": "https://a.example/",
        "headers": [{"key": "X-Key", "value": "${id}"}],
        "auth": {"sigv4": {"signingRegion": "us-east-1", "serviceName": "s", "roleArn": ROLE}},
    },
    "influxDB": {"destinationArn": "arn", "databaseName": "db", "tableName": "t", "tags": {"a": "${id}"}},
    "iotAnalytics": {"channelName": "c"},
    "iotEvents": {"inputName": "i", "messageId": "${newuuid()}"},
    "iotSiteWise": {
        "putAssetPropertyValueEntries": [
            {
                "propertyAlias": "/gate/${topic(2)}/temperature",
                "propertyValues": [
                    {"value": {"doubleValue": "${temperature}"}, "timestamp": {"timeInSeconds": "${seconds}"}}
                ],
            }
        ]
    },
    "kafka": {
        "destinationArn": "arn:aws:iot:us-east-1:123456789012:ruledestination/vpc/a", "topic": "t",
        "clientProperties": {"bootstrap.servers": "kafka.example:9094"}, "headers": [{"key": "a", "value": "b"}],
    },
    "kinesis": {"streamName": "s", "partitionKey": "${newuuid()}"},
    "lambda": {"functionArn": "arn:aws:lambda:us-east-1:123456789012:function:f"},
    "location": {
        "trackerName": "t", "deviceId": "${thing}", "latitude": "${lat}", "longitude": "${long}",
        "timestamp": {"value": "${timestamp()}", "unit": "MILLISECONDS"},
    },
    "openSearch": {"endpoint": "https://a.example", "index": "i", "type": "t", "id": "${newuuid()}"},
    "republish": {
        "topic": "$$aws/things/${thing}/shadow/update", "qos": 1, "retain": True,
        "headers": {"contentType": "application/json", "userProperties": [{"key": "a", "value": "${camera}"}]},
    },
    "s3": {"bucketName": "a-bucket", "key": "${replace(topic(), '/', '-') + '.json'}", "cannedAcl": "private"},
    "salesforce": {"token": "x" * 40, "url": "https://ingestion-a.b.sfdc-matrix.net/streams/a/b/event"},
    "sns": {"targetArn": "arn:aws:sns:us-east-1:123456789012:t", "messageFormat": "JSON"},
    "sqs": {"queueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/q", "useBase64": True},
    "stepFunctions": {"stateMachineName": "m", "executionNamePrefix": "p"},
    "timestream": {
        "databaseName": "d", "tableName": "t", "dimensions": [{"name": "thing", "value": "${thing}"}],
        "timestamp": {"value": "${timestamp()}", "unit": "MILLISECONDS"},
    },
}  # fmt: skip
"""One of each kind, with most of its fields."""


def problems_of(template: Path) -> list[str]:
    """What cfn-lint has to say of a template."""
    matches = cfnlint.api.lint_file(template)
    return [f"{match.rule.id}: {match.message}" for match in matches]


@pytest.fixture
def one_of_each(tmp_path: Path) -> list[RuleDefinition]:
    """A rule for each action, loaded from a file."""
    assert EXAMPLES.keys() == AWS_ACTIONS.keys()
    rules = {
        f"each_{kind}": {
            "sql": "SELECT *\nFROM 'a/+'",
            "awsIotSqlVersion": "2016-03-23",
            "description": f"to {kind}",
            "actions": [{kind: fields}],
            "errorAction": {"republish": {"topic": "errors"}},
        }
        for kind, fields in EXAMPLES.items()
    }
    path = tmp_path / "each.json"
    path.write_text(json.dumps(rules), "utf-8")
    return list(RuleSet.load([path]).rules)


@pytest.mark.parametrize("role", [None, ROLE])
def test_every_action_as_cloudformation_passes_cfn_lint(
    one_of_each: list[RuleDefinition], tmp_path: Path, role: str | None
) -> None:
    exported = as_cloudformation(one_of_each, role)
    template = tmp_path / "template.yaml"
    template.write_text(to_yaml(exported.document), "utf-8")
    assert problems_of(template) == []
    assert yaml.safe_load(template.read_text("utf-8")) == exported.document
    payloads = [resource["Properties"]["TopicRulePayload"] for resource in exported.document["Resources"].values()]
    kinds = {kind for payload in payloads for action in payload["Actions"] for kind in action}
    assert {kind[:1].lower() + kind[1:] for kind in kinds} == AWS_ACTIONS.keys() - ONLY_API
    assert ("Parameters" in exported.document) == (role is None)
    for kind in ONLY_API:
        assert any(f"no {kind} action" in remark for remark in exported.remarks)
    assert any("retain" in remark for remark in exported.remarks)


def test_the_shipped_rules_as_cloudformation_pass_cfn_lint(tmp_path: Path) -> None:
    rules = list(RuleSet.load(SHIPPED).rules)
    template = tmp_path / "template.yaml"
    template.write_text(to_yaml(as_cloudformation(rules, None).document), "utf-8")
    assert problems_of(template) == []


def test_a_template_with_a_fault_does_not_pass_cfn_lint(one_of_each: list[RuleDefinition], tmp_path: Path) -> None:
    exported = as_cloudformation(one_of_each, None)
    exported.document["Resources"]["EachRepublishRule"]["Properties"]["TopicRulePayload"]["Actions"][0][
        "Republish"
    ].pop("Topic")
    template = tmp_path / "template.yaml"
    template.write_text(to_yaml(exported.document), "utf-8")
    assert problems_of(template)


def test_every_action_as_cli_payload_is_taken_by_create_topic_rule(one_of_each: list[RuleDefinition]) -> None:
    exported = as_cli(one_of_each, ROLE)
    with mock_aws():
        client = boto3.client("iot", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        for rule in exported.document:
            client.create_topic_rule(**rule)
            kept = client.get_topic_rule(ruleName=rule["ruleName"])["rule"]
            assert (kept["sql"], kept["actions"]) == (
                rule["topicRulePayload"]["sql"],
                rule["topicRulePayload"]["actions"],
            )
        assert len(client.list_topic_rules()["rules"]) == len(EXAMPLES)


def test_without_a_role_the_cli_payload_says_what_is_missing(one_of_each: list[RuleDefinition]) -> None:
    remarks = as_cli(one_of_each, None).remarks
    assert sum("give --role-arn" in remark for remark in remarks) == len(EXAMPLES)  # each has a republish error action
    assert not any("give --role-arn" in remark for remark in as_cli(one_of_each, ROLE).remarks)
    assert "lambda" not in NEEDS_ROLE


def test_rules_whose_names_differ_in_signs_alone_stay_apart(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    rule = {"sql": "SELECT * FROM 't'", "actions": [{"lambda": {"functionArn": "f"}}]}
    path.write_text(json.dumps({"a_b": rule, "aB": rule, "AB": rule}), "utf-8")
    assert len(as_cloudformation(RuleSet.load([path]).rules, None).document["Resources"]) == 3
