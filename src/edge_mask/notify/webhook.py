"""Webhooks: JSON by POST, signed as Standard Webhooks has it (github.com/standard-webhooks, specification 1.0)."""

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any, Final

from edge_mask.errors import Refused
from edge_mask.notify.addressed import Post
from edge_mask.notify.notice import Notice
from edge_mask.settings.notify import WebhookTarget
from edge_mask.units import Unix

_ENCODED: Final = "whsec_"


def post_for(target: WebhookTarget, notice: Notice, picture: bytes | None, message_id: str, now: Unix) -> Post:
    """Raises OSError when a file cannot be read, Refused for a secret that is not as it should be."""
    url, secret = target.read_url(), target.read_secret()
    fields: dict[str, Any] = {
        "type": "notification",
        "id": message_id,
        "timestamp": notice.ts,
        "data": {
            "title": notice.title,
            "text": notice.text,
            "priority": notice.priority,
            "kind": notice.kind,
            "camera": notice.camera,
            "thing": notice.thing,
            "event": notice.event,
            "topic": notice.topic,
        },
    }
    if picture is not None:
        fields["data"] |= {"snapshot": notice.snapshot, "picture": base64.b64encode(picture).decode()}
    body = json.dumps(fields, ensure_ascii=False).encode()
    headers = [("Content-Type", "application/json"), ("webhook-id", message_id)]
    if secret:
        stamp = str(int(now))
        headers += [("webhook-timestamp", stamp), ("webhook-signature", signature(secret, message_id, stamp, body))]
    return Post(url, body, tuple(headers), (secret or "", *target.secrets()))


def signature(secret: str, message_id: str, stamp: str, body: bytes) -> str:
    """`v1,` and the HMAC-SHA256 of id, time and body. Raises Refused."""
    signed = b".".join((message_id.encode(), stamp.encode(), body))
    return f"v1,{base64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256)).decode()}"


def _key(secret: str) -> bytes:
    if not secret.startswith(_ENCODED):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_ENCODED), validate=True)
    except (binascii.Error, ValueError):
        raise Refused(f"the secret begins with {_ENCODED} and is not base64 behind it") from None
