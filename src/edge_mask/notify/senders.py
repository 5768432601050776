"""Makes the sender of each target: a transport in a thread of its own."""

from collections.abc import Iterable
from typing import Any

from edge_mask.deliver.http import HttpTransport
from edge_mask.notify.pictures import Pictures
from edge_mask.notify.push import Push
from edge_mask.notify.sending import NoTarget, TargetTransport
from edge_mask.runtime.clock import Clock
from edge_mask.settings.notify import Target, WebPushTarget


class Senders:
    """Knows every target."""

    def __init__(
        self, targets: Iterable[Target], clock: Clock, pictures: Pictures, push: Push | None, *, sends_pictures: bool
    ) -> None:
        """`sends_pictures` is `privacy.send_pictures`; `push` is None without a target of web push."""
        self._targets = {target.name: target for target in targets}
        self._clock = clock
        self._pictures = pictures
        self._push = push
        self._sends_pictures = sends_pictures

    def target(self, name: str) -> Target | None:
        """None for one that is not configured any more."""
        return self._targets.get(name)

    def sender(self, name: str, browser: str, shown: str, **more: Any) -> HttpTransport:
        """`browser`: the id of a subscription, for web push; `shown`: its name in logs; `more`: of HttpTransport."""
        target = self.target(name)
        if isinstance(target, WebPushTarget) and self._push is not None:
            from edge_mask.notify.browsers import BrowserTransport

            push = self._push
            return BrowserTransport(shown, self._clock, target, browser, push.subscriptions, push.vapid, **more)
        if target is None or isinstance(target, WebPushTarget):
            return NoTarget(shown, self._clock, **more)
        return TargetTransport(shown, self._clock, target, self._pictures, sends_pictures=self._sends_pictures, **more)
