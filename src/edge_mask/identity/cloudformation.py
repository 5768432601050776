"""The same things and policies as CloudFormation templates."""

from collections.abc import Mapping
from typing import Any, Final

from edge_mask.identity.role import COMPONENT, role_policy
from edge_mask.identity.thing import MOST_WITHOUT_TYPE, Thing

_CERTIFICATE: Final = "CertificateArn"
_HAS_CERTIFICATE: Final = "HasCertificate"
_BUCKET: Final = "ArtifactsBucket"
_ROLE: Final = "TokenExchangeRole"


def policies_template(policies: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The policies by name; attached when the stack is given a certificate."""
    resources: dict[str, Any] = {}
    for number, (name, document) in enumerate(policies.items(), 1):
        policy = f"Policy{number}"
        resources[policy] = {
            "Type": "AWS::IoT::Policy",
            "Properties": {"PolicyName": name, "PolicyDocument": document},
        }
        resources[f"{policy}Attachment"] = {
            "Type": "AWS::IoT::PolicyPrincipalAttachment",
            "Condition": _HAS_CERTIFICATE,
            "Properties": {"PolicyName": {"Ref": policy}, "Principal": {"Ref": _CERTIFICATE}},
        }
    return _with_certificate(resources)


def thing_template(thing: Thing) -> dict[str, Any]:
    """The thing; attached when the stack is given a certificate.

    CloudFormation gives a thing no type, and so no more than three attributes: the rest gets a remark.
    """
    kept = dict(list(thing.attributes.items())[:MOST_WITHOUT_TYPE])
    if left := [label for label in thing.attributes if label not in kept]:
        thing.remarks.append(
            f"device.labels: {', '.join(left)} left out; CloudFormation makes things without a type, and these have at"
            f" most {MOST_WITHOUT_TYPE} attributes. --format json has them all"
        )
    properties: dict[str, Any] = {"ThingName": thing.name}
    if kept:
        properties["AttributePayload"] = {"Attributes": kept}
    resources: dict[str, Any] = {
        "Thing": {"Type": "AWS::IoT::Thing", "Properties": properties},
        "ThingAttachment": {
            "Type": "AWS::IoT::ThingPrincipalAttachment",
            "Condition": _HAS_CERTIFICATE,
            "Properties": {
                "ThingName": {"Ref": "Thing"},
                "Principal": {"Ref": _CERTIFICATE},
                "ThingPrincipalType": "EXCLUSIVE_THING",
            },
        },
    }
    return _with_certificate(resources)


def role_template(bucket: str | None) -> dict[str, Any]:
    """A managed policy for the role; without a bucket its name is a parameter."""
    parameters: dict[str, Any] = {
        _ROLE: {"Type": "String", "Default": "GreengrassV2TokenExchangeRole", "Description": "The core's role"}
    }
    if bucket is None:
        parameters[_BUCKET] = {"Type": "String", "Description": "The bucket that holds the component's files"}
    policy = role_policy(bucket or f"${{{_BUCKET}}}", "${AWS::Partition}")
    for statement in policy["Statement"]:
        statement["Resource"] = [{"Fn::Sub": arn} for arn in statement["Resource"]]
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Parameters": parameters,
        "Resources": {
            "ArtifactsPolicy": {
                "Type": "AWS::IAM::ManagedPolicy",
                "Properties": {
                    "Description": f"Read the files of the component {COMPONENT}",
                    "PolicyDocument": policy,
                    "Roles": [{"Ref": _ROLE}],
                },
            }
        },
    }


def _with_certificate(resources: dict[str, Any]) -> dict[str, Any]:
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Parameters": {
            _CERTIFICATE: {
                "Type": "String",
                "Default": "",
                "Description": "The certificate of the device; without it nothing is attached yet",
            }
        },
        "Conditions": {_HAS_CERTIFICATE: {"Fn::Not": [{"Fn::Equals": [{"Ref": _CERTIFICATE}, ""]}]}},
        "Resources": resources,
    }
