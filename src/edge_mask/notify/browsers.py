"""Web push as a destination: a transport for each browser, and the end of a subscription."""

from typing import Any

from edge_mask.deliver.http import HttpTransport, judged
from edge_mask.deliver.http_connection import HttpResponse
from edge_mask.deliver.http_request import HttpRequest, request_of
from edge_mask.messages import Message, Receipt
from edge_mask.notify.notice import unpacked
from edge_mask.notify.subscriptions import Subscriptions
from edge_mask.notify.vapid import Vapid
from edge_mask.notify.web_push import GONE, post_for, unsubscribed
from edge_mask.runtime.clock import Clock
from edge_mask.settings.notify import WebPushTarget


class BrowserTransport(HttpTransport):
    """Pushes to one browser, over the public internet alone."""

    def __init__(
        self,
        name: str,
        clock: Clock,
        target: WebPushTarget,
        browser: str,
        subscriptions: Subscriptions,
        vapid: Vapid,
        **more: Any,
    ) -> None:
        """`browser` is the id of its subscription; `more` are those of HttpTransport."""
        super().__init__(name, clock, may_connect=subscriptions.may_connect, **more)
        self._now = clock.now
        self._target = target
        self._browser = browser
        self._subscriptions = subscriptions
        self._vapid = vapid

    def request_for(self, message: Message) -> HttpRequest:
        lasting = self._target.max_age - message.properties["age"]
        post = post_for(
            self._browser,
            unpacked(message.payload),
            self._subscriptions,
            self._vapid,
            lasting=lasting,
            now=self._now().wall,
        )
        return request_of(post.of(message))

    def judged(self, answer: HttpResponse, message: Message) -> Receipt:
        del message
        if answer.status not in GONE:
            return judged(answer)
        self._subscriptions.remove(self._browser)
        return unsubscribed().receipt
