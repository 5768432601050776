"""One target as a destination of the outbox: how old a notification may be, and what is posted.

row ──prepared: too old? ──▶ notice, age ──▶ thread of this target: picture, words, secrets ──▶ POST
"""

import logging
from dataclasses import dataclass, replace
from typing import Any, Final

from edge_mask.deliver.destination import Destination
from edge_mask.deliver.http import HttpTransport, judged
from edge_mask.deliver.http_connection import HttpResponse
from edge_mask.deliver.http_request import HttpRequest, request_of
from edge_mask.deliver.transport import Stale
from edge_mask.errors import Refused
from edge_mask.ledger.outbox import NOTIFY_TOPIC, Pending
from edge_mask.messages import Message, Outcome, Receipt
from edge_mask.notify import ntfy, telegram, webhook
from edge_mask.notify.addressed import Post
from edge_mask.notify.notice import Notice, unpacked
from edge_mask.notify.pictures import Pictures
from edge_mask.runtime.clock import Clock
from edge_mask.settings.notify import NtfyTarget, Target, TelegramTarget, WebhookTarget
from edge_mask.units import Moment, Seconds

log = logging.getLogger(__name__)

EXPIRED: Final = "notify_expired"
_NO_PICTURE_PLEASE: Final = (400, 413, 415)
"""Answers after which the words are sent alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyTarget(Destination):
    """One request after the other; what is too old is not sent."""

    max_age: Seconds
    window: int = 1
    drain_rate: float = 5.0
    blames_hang_ups: bool = False

    def prepared(self, pending: Pending, now: Moment) -> Message:
        """Raises Stale for what is too old."""
        age = self._age(pending, now)
        if age > self.max_age:
            raise Stale(f"notifications older than {self.max_age:g} s are not sent any more", EXPIRED)
        return replace(pending.message, properties={**pending.message.properties, "age": age})

    def dressed(self, message: Message, ts: str | None, *, is_late: bool) -> Message:
        """As it is: only its age counts."""
        del ts, is_late
        return message

    def shown(self, message: Message) -> str:
        """Its name; the address may be a secret."""
        del message
        return self.name

    def _age(self, pending: Pending, now: Moment) -> float:
        """0 when nobody can know: better told late than never."""
        if pending.boot == self.boot:
            return now.mono - pending.mono
        return now.wall - pending.wall if pending.clock_was_set and now.synced else 0.0


class TargetTransport(HttpTransport):
    """Posts to one target. Its kind decides the form."""

    def __init__(
        self, name: str, clock: Clock, target: Target, pictures: Pictures, *, sends_pictures: bool, **more: Any
    ) -> None:
        """`sends_pictures` is `privacy.send_pictures`; `more` are those of HttpTransport."""
        super().__init__(name, clock, **more)
        self._now = clock.now
        self._target = target
        self._pictures = pictures
        self._may_send = sends_pictures if target.pictures is None else target.pictures
        self._has_picture = False
        self._status = 0

    def request_for(self, message: Message) -> HttpRequest:
        notice = unpacked(message.payload)
        picture = None
        if notice.snapshot and self._may_send:
            picture = self._pictures.of(notice.snapshot, age=message.properties["age"])
        self._has_picture = picture is not None
        return request_of(self._addressed(notice, picture, message).of(message))

    def judged(self, answer: HttpResponse, message: Message) -> Receipt:  # noqa: ARG002 (one signature)
        self._status = answer.status
        receipt = judged(answer)
        if self._target.kind == "telegram" and receipt.outcome is Outcome.UNKNOWN and not receipt.retry_after:
            return replace(receipt, retry_after=telegram.pause_in(answer.body))
        return receipt

    def receipt_for(self, message: Message) -> Receipt:
        receipt = super().receipt_for(message)
        if receipt.outcome is Outcome.REFUSED and self._has_picture and self._status in _NO_PICTURE_PLEASE:
            log.info("%s: the picture was refused, the words are sent alone: %s", self._target.name, receipt.reason)
            words = replace(unpacked(message.payload), snapshot="")
            return super().receipt_for(replace(message, payload=words.packed()))
        return receipt

    def _addressed(self, notice: Notice, picture: bytes | None, message: Message) -> Post:
        match self._target:
            case NtfyTarget() as target:
                return ntfy.post_for(target, notice, picture)
            case TelegramTarget() as target:
                return telegram.post_for(target, notice, picture)
            case WebhookTarget() as target:
                return webhook.post_for(target, notice, picture, message.id, self._now().wall)
        raise Refused(f"there is no target of kind {self._target.kind}")


class NoTarget(HttpTransport):
    """For what waits for a target that is not configured any more: set aside, for a person to see."""

    def request_for(self, message: Message) -> HttpRequest:
        raise Refused(f"there is no target {message.topic.removeprefix(NOTIFY_TOPIC)} any more")
