"""Asks the `/mask/` route of another edge-mask, or of what answers like one, over HTTP."""

import ssl
from concurrent.futures import wait
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from edge_mask.deliver.http import HttpTransport
from edge_mask.deliver.http import judged as usual
from edge_mask.deliver.http_connection import HttpResponse
from edge_mask.deliver.http_request import HttpRequest, request_of
from edge_mask.deliver.tls import TlsFiles, context
from edge_mask.errors import Refused
from edge_mask.fleet.frames.answer import PeerAnswer, read_answer
from edge_mask.fleet.frames.frame import JPEG
from edge_mask.fleet.looks.asker import NoAnswer, Question
from edge_mask.messages import Message, Outcome, Priority, Receipt
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.worker import keep_waiting
from edge_mask.units import Seconds

_BUSY: Final = frozenset({429, 503})
_SIGN_OF_LIFE: Final = 0.5


class AskAddress(HttpTransport):
    """A question at a time, on a kept connection."""

    def __init__(self, url: str, token: Path | None, ca: Path | None, timeout: Seconds, clock: Clock) -> None:
        """The token is read for each question: it may be replaced meanwhile."""
        super().__init__("second look", clock, timeout=timeout, tls=self._trust)
        self.who = urlsplit(url).hostname or ""
        self._url = url
        self._token = token
        self._ca = ca
        self._body = b""
        self._status = 0
        self._is_ending = False
        self._trusted: ssl.SSLContext | None = None

    @property
    def can_ask(self) -> bool:
        return True

    def interrupt(self) -> None:
        self._is_ending = True

    def ask(self, question: Question) -> PeerAnswer:
        self._status, self._body = 0, b""
        asked = Message(topic=self._url, payload=question.picture.data, priority=Priority.LIVE, qos=0)
        future = self.send(asked)
        while not wait([future], _SIGN_OF_LIFE).done:
            if self._is_ending or not keep_waiting():
                raise NoAnswer("dropped", "this device stops")
        receipt = future.result()
        if self._status in _BUSY:
            raise NoAnswer("busy", receipt.reason)
        if receipt.outcome is not Outcome.DELIVERED:
            code = "refused" if receipt.outcome is Outcome.REFUSED else "no_answer"
            raise NoAnswer(code, f"{self.who}: {receipt.reason}")
        try:
            return read_answer(self._body, question.picture.width, question.picture.height)
        except Refused as error:
            raise NoAnswer("unreadable", f"{self.who} answers: {error}") from error

    # -- in the transport's thread -----------------------------------------------------------------------

    def request_for(self, message: Message) -> HttpRequest:
        headers = [("Content-Type", JPEG), ("Accept", "application/json")]
        if self._url.lower().startswith("https:"):
            self._trust()
        secrets = []
        if self._token is not None:
            token = self._token.read_text().strip()
            headers.append(("Authorization", f"Bearer {token}"))
            secrets.append(token)
        properties = {"headers": headers, "secrets": secrets}
        return request_of(Message(
            topic=message.topic, payload=message.payload, priority=message.priority, qos=0, properties=properties
        ))  # fmt: skip

    def judged(self, answer: HttpResponse, message: Message) -> Receipt:
        del message
        self._status, self._body = answer.status, answer.body
        return usual(answer)

    def _trust(self) -> ssl.SSLContext:
        """Raises Refused."""
        if self._trusted is None:
            self._trusted = context(TlsFiles(ca=self._ca))
        return self._trusted
