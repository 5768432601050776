"""Web push: encrypted for one browser, signed by this device, posted to the push service of that browser."""

import json
from collections.abc import Mapping
from typing import Final

from edge_mask.deliver.transport import Stale
from edge_mask.kinds import Urgency
from edge_mask.notify.addressed import Post
from edge_mask.notify.encryption import LONGEST, encrypted
from edge_mask.notify.notice import Notice, within_bytes
from edge_mask.notify.subscriptions import Subscriptions
from edge_mask.notify.vapid import Vapid, from_base64url
from edge_mask.units import Unix

_URGENCIES: Final[Mapping[Urgency, str]] = {"low": "low", "normal": "normal", "high": "high", "urgent": "high"}
_LONGEST_TEXT: Final = 2000
"""Bytes; telephones show much less."""
GONE: Final = (404, 410)
"""What a push service says of a browser that does not want to be told any more (RFC 8030, 7.3)."""
UNSUBSCRIBED: Final = "notify_unsubscribed"


def unsubscribed() -> Stale:
    """The end of what waits for a browser that is gone."""
    return Stale("the browser does not want to be told any more; its subscription was removed", UNSUBSCRIBED)


def post_for(
    browser: str, notice: Notice, subscriptions: Subscriptions, vapid: Vapid, *, lasting: float, now: Unix
) -> Post:
    """`lasting`: seconds for which the service may keep it. Raises Stale, Refused."""
    subscription = subscriptions.get(browser)
    if subscription is None:
        raise unsubscribed()
    body = encrypted(_plain(notice), from_base64url(subscription.p256dh), from_base64url(subscription.auth))
    headers = (
        ("TTL", str(max(0, int(lasting)))),
        ("Urgency", _URGENCIES[notice.priority]),
        ("Content-Encoding", "aes128gcm"),
        ("Content-Type", "application/octet-stream"),
        ("Authorization", vapid.authorization(subscription.endpoint, now)),
    )
    place = subscription.endpoint.partition("://")[2].partition("/")[2]
    return Post(subscription.endpoint, body, headers, (place,))


def _plain(notice: Notice) -> bytes:
    """What sw.js shows. The tag lets a second one of the same event take the place of the first."""
    fields = {
        "title": notice.title,
        "body": within_bytes(notice.text, _LONGEST_TEXT),
        "tag": notice.event or notice.kind,
        "event": notice.event,
        "urgent": notice.priority == "urgent",
        **({"picture": notice.event} if notice.snapshot else {}),
    }
    plain = json.dumps(fields, ensure_ascii=False).encode()
    return plain if len(plain) <= LONGEST else json.dumps({**fields, "body": ""}, ensure_ascii=False).encode()
