"""A failure as AWS describes it: what an error action gets to see."""

import base64
from typing import Any, Final

from edge_mask.rules.effects import Incoming
from edge_mask.sql.topics import without_basic_ingest

UNKNOWN: Final = "n/a"


def failure(action: str, resource: str, text: str) -> dict[str, str]:
    """One of `failures` in the document."""
    return {"failedAction": action, "failedResource": resource, "errorMessage": text}


def error_document(rule: str, incoming: Incoming, failures: list[dict[str, str]]) -> dict[str, Any]:
    """The document that AWS passes to an error action."""
    context = incoming.context
    return {
        "ruleName": rule,
        "topic": without_basic_ingest(incoming.topic),
        "cloudwatchTraceId": context.trace_id or context.new_uuid(),
        "clientId": context.client_id or UNKNOWN,
        "base64OriginalPayload": base64.b64encode(incoming.payload).decode(),
        "failures": failures,
    }
