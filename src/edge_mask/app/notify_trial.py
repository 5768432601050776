"""Sends one notification to try a target: past the outbox, with the daemon's own senders."""

from collections.abc import Iterator
from concurrent.futures import TimeoutError as Overdue

from edge_mask.app.notify import push_of, senders_of
from edge_mask.ledger.outbox import NOTIFY_TOPIC
from edge_mask.messages import Message, Outcome, Priority
from edge_mask.notify.notice import Notice
from edge_mask.runtime.clock import SystemClock
from edge_mask.settings.model import Settings
from edge_mask.units import Moment, Seconds
from edge_mask.wire.envelope import timestamp
from edge_mask.wire.topics import Topics
from edge_mask.wire.uuid7 import IdMaker

_PATIENCE = 30.0
_TEST = "test"
_WORDS = {
    "en": ("Test", "{thing} can reach you."),
    "ko": ("시험 알림", "{thing}의 알림이 여기로 옵니다."),
}


def trials(settings: Settings, name: str) -> Iterator[tuple[str, str]]:
    """Each receiver of a target, and why it could not be told; empty when it was told."""
    clock, push = SystemClock(), push_of(settings)
    senders = senders_of(settings, clock, push)
    target = senders.target(name)
    is_push = target is not None and target.kind == "web-push" and push is not None
    notice = _notice(settings, clock.now())
    for browser in push.subscriptions.ids() if is_push and push is not None else [""]:
        message = Message(
            topic=f"{NOTIFY_TOPIC}{name}",
            payload=notice.packed(),
            priority=Priority.URGENT,
            qos=1,
            id=IdMaker().make(clock.now()),
            properties={"age": 0.0},
        )
        sender = senders.sender(name, browser, name)
        sender.open()
        try:
            receipt = sender.send(message).result(_PATIENCE)
            trouble = "" if receipt.outcome is Outcome.DELIVERED else receipt.reason
        except Overdue:
            trouble = f"no answer within {_PATIENCE:g} s"
        sender.close(Seconds(1.0))
        yield f"{name} {browser}".strip(), trouble


def _notice(settings: Settings, at: Moment) -> Notice:
    """As of an event, with nothing left out that a receiver may want; `test` says in each place that there was none."""
    title, text = _WORDS[settings.notify.language]
    thing = settings.device.thing_name
    return Notice(
        title=title,
        text=text.format(thing=thing),
        priority="high",
        kind=_TEST,
        camera=_TEST,
        thing=thing,
        event=f"{_TEST}-{IdMaker().make(at)}",
        topic=Topics(settings.topics.root, thing, settings.topics.renames).of(_TEST),
        ts=timestamp(at.wall),
    )
