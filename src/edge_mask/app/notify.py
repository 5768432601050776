"""Builds what tells people: the desk that decides, and the couriers that take it there. Nothing while it is off."""

import threading
from collections.abc import Callable, Collection
from concurrent.futures import Future
from typing import TYPE_CHECKING

from edge_mask.errors import DatabaseError, Refused
from edge_mask.ledger.counters import MARK
from edge_mask.ledger.outbox import NOTIFY, Destinations
from edge_mask.ledger.rows import Settlement
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Fault
from edge_mask.runtime.clock import Clock
from edge_mask.settings.model import Settings
from edge_mask.settings.notify import WebPushTarget
from edge_mask.units import Moment, Seconds

if TYPE_CHECKING:  # what is not wanted is not imported
    from edge_mask.notify.couriers import NotifyCouriers
    from edge_mask.notify.desk import NoticeDesk
    from edge_mask.notify.push import Push
    from edge_mask.notify.senders import Senders


class Notifying:
    """The parts of a house that tell people; made once for it."""

    def __init__(self, settings: Settings, clock: Clock, boot: str) -> None:
        self._settings = settings
        self._clock = clock
        self._boot = boot
        self.push = push_of(settings)
        """None without a target of web push."""

    def desk(self, ledger: Ledger, new_id: Callable[[Moment], str]) -> "NoticeDesk | None":
        """What decides, in the recorder's thread. `ledger` is open."""
        settings = self._settings
        if not settings.notify.targets:
            return None
        from edge_mask.notify.desk import NoticeDesk

        return NoticeDesk(
            settings.notify.targets,
            default=settings.notify.default,
            language=settings.notify.language,
            thing=settings.device.thing_name,
            zone=settings.device.zone,
            boot=self._boot,
            sends_pictures=settings.privacy.send_pictures,
            marks=ledger.counters(MARK),
            new_id=new_id,
            browsers=(lambda: ()) if self.push is None else self.push.subscriptions.ids,
        )

    def couriers(
        self,
        settle: "Callable[[list[Settlement]], Future[None]]",
        report: Callable[[Fault], None],
        on_damage: Callable[[], None],
    ) -> "list[NotifyCouriers]":
        """One, or none. Also for what still waits for targets that are gone. The database is open."""
        settings = self._settings
        if not settings.notify.targets and not _still_waits(settings):
            return []
        from edge_mask.notify.couriers import NotifyCouriers

        senders = senders_of(settings, self._clock, self.push)
        place = settings.outbox.path
        return [NotifyCouriers(senders, place, settle, report, self._clock, boot=self._boot, on_damage=on_damage)]


def _still_waits(settings: Settings) -> bool:
    left = Destinations(settings.outbox.path, NOTIFY)
    try:
        return bool(left.waiting())
    except DatabaseError:  # then a new file follows, in which nothing waits
        return False
    finally:
        left.close()


def senders_of(settings: Settings, clock: Clock, push: "Push | None") -> "Senders":
    """What makes the sender of each target."""
    from edge_mask.notify.pictures import Pictures
    from edge_mask.notify.senders import Senders

    nobody_stops_it = threading.Event()

    def wait(seconds: float) -> None:
        clock.wait(nobody_stops_it, Seconds(seconds))

    pictures = Pictures(settings.snapshots.dir, wait)
    return Senders(settings.notify.targets, clock, pictures, push, sends_pictures=settings.privacy.send_pictures)


def push_of(settings: Settings) -> "Push | None":
    """What web push needs, where there is such a target."""
    target = next((target for target in settings.notify.targets if isinstance(target, WebPushTarget)), None)
    if target is None:
        return None
    from edge_mask.notify.push import Push
    from edge_mask.notify.subscriptions import Subscriptions, store_path
    from edge_mask.notify.vapid import Vapid, key_path
    from edge_mask.web.accounts.accounts import register_beside

    database = settings.outbox.path
    register = register_beside(database.resolve())

    def users() -> Collection[str]:
        """Nobody while their file makes no sense: then nobody can log in either."""
        try:
            return register.read().users.keys()
        except Refused:
            return ()

    subscriptions = Subscriptions(store_path(database), target.private_hosts, users)
    return Push(subscriptions, Vapid(key_path(database), target.subject))


def target_names(settings: Settings) -> Collection[str]:
    """Those that rules may name."""
    return [target.name for target in settings.notify.targets]
