"""What web push needs: the browsers that asked for it, and the key of this device."""

from dataclasses import dataclass

from edge_mask.notify.subscriptions import Subscriptions
from edge_mask.notify.vapid import Vapid


@dataclass(frozen=True, slots=True)
class Push:
    """Made once for a house; its senders and its page share it."""

    subscriptions: Subscriptions
    vapid: Vapid
