"""The couriers of all targets: one thread for them, and a sender for each target, so that none waits for another."""

from typing import Any

from edge_mask.deliver.destination import Destination
from edge_mask.deliver.http import HttpTransport
from edge_mask.deliver.http_couriers import HttpCouriers
from edge_mask.deliver.transport import OnState
from edge_mask.notify.notice import PREFIX, parts_of
from edge_mask.notify.senders import Senders
from edge_mask.notify.sending import NotifyTarget
from edge_mask.units import Seconds

_FOREVER = Seconds(float("inf"))


class NotifyCouriers(HttpCouriers):
    """See HttpCouriers; destinations are the targets, and the browsers of web push."""

    name = "couriers-notify"
    prefix = PREFIX

    def __init__(self, senders: Senders, *places: Any, **more: Any) -> None:
        """`places` and `more` are those of HttpCouriers."""
        super().__init__(*places, **more)
        self._senders = senders

    def server_for(self, destination: str, tell: OnState) -> tuple[Destination, HttpTransport]:
        name, browser = parts_of(destination)
        target = self._senders.target(name)
        shown = f"notify {destination.removeprefix(PREFIX)}"
        max_age = _FOREVER if target is None else target.max_age
        server = NotifyTarget(name=shown, boot=self.boot, max_age=max_age, **self.shared())
        return server, self._senders.sender(name, browser, shown, on_state=tell, timeout=self.timeout)
