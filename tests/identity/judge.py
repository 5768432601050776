"""What AWS IoT would say: a policy is allowed when some statement allows the action on the resource."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

ACCOUNT, REGION = "123456789012", "eu-central-1"
HERE = f"arn:aws:iot:{REGION}:{ACCOUNT}"


def plain(document: Any) -> Any:
    """A document of a template, with what CloudFormation puts in."""
    if isinstance(document, dict) and document.keys() == {"Fn::Sub"}:
        text = document["Fn::Sub"]
        for name, value in {"Partition": "aws", "Region": REGION, "AccountId": ACCOUNT}.items():
            text = text.replace(f"${{AWS::{name}}}", value)
        return text.replace("${!", "${")
    if isinstance(document, dict):
        return {key: plain(value) for key, value in document.items()}
    return [plain(each) for each in document] if isinstance(document, list) else document


class Judge:
    """Some policies on one certificate, asked for one thing."""

    def __init__(self, documents: Iterable[Mapping[str, Any]], thing: str = "") -> None:
        self._allowed = [
            (action, re.compile(_expression(arn, thing)))
            for document in documents
            for statement in document["Statement"]
            for action in statement["Action"]
            for arn in statement["Resource"]
        ]

    def allows(self, action: str, resource: str) -> bool:
        """Whether `iot:ACTION` is allowed on a resource such as `topic/a/b`."""
        return any(
            action == allowed and arn.fullmatch(f"{HERE}:{resource}") is not None for allowed, arn in self._allowed
        )

    def publishes(self, topic: str, *, retain: bool = False) -> bool:
        return self.allows("iot:Publish", f"topic/{topic}") and (
            not retain or self.allows("iot:RetainPublish", f"topic/{topic}")
        )

    def hears(self, topic_filter: str, topic: str) -> bool:
        return self.allows("iot:Subscribe", f"topicfilter/{topic_filter}") and self.allows(
            "iot:Receive", f"topic/{topic}"
        )


def _expression(arn: str, thing: str) -> str:
    """The resource as a regular expression: variables first, as AWS does, then the wildcards."""
    variables = {"${*}": r"\*", "${?}": r"\?", "${$}": r"\$", "${iot:Connection.Thing.ThingName}": re.escape(thing)}
    pieces = re.split(r"(\$\{[^}]*\}|[*?])", arn)
    wild = {"*": ".*", "?": "."}
    return "".join(variables.get(piece) or wild.get(piece) or re.escape(piece) for piece in pieces)
