"""Pictures of visits: each device puts its own into S3-compatible storage, by an address that is signed here.

writer ──visit with a snapshot──▶ wanted ──commands/picture, a presigned PUT──▶ device ──the picture──▶ storage
                                     ▲ after a growing delay ◀──not now──┤
                                     └──────────── table pictures ◀──stored, or gone for good

The picture itself never passes through here. Its key is made of the visit, and an object that is there is not replaced:
whatever is done twice leads to one object.
"""

import json
import logging
import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from queue import SimpleQueue
from typing import Any, Final

from sqlalchemy import Column, Connection, Engine, String, Table, Text, text
from sqlalchemy.exc import SQLAlchemyError

from edge_mask.deliver.transport import BrokerTransport
from edge_mask.messages import Fault, Message, Priority
from edge_mask.redact import legible
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Backoff, Outage
from edge_mask.runtime.worker import Job
from edge_mask.settings.sink import SinkPictures
from edge_mask.sink.database import sentence_of
from edge_mask.sink.devices import Devices, object_of
from edge_mask.sink.presigned import Signer
from edge_mask.sink.rows import LONGEST_THING, Row
from edge_mask.sink.schema import IN_UTF8, Id, Time, insert_new, metadata
from edge_mask.sink.tally import Tally
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

LONGEST: Final = timedelta(days=8)
"""Devices keep pictures for a week; an older one is not asked for any more."""
AT_ONCE: Final = 4
_TICK: Final = 1.0
_ANSWERS_WITHIN: Final = 90.0
_MOST: Final = 100_000
"""Pictures that are wanted at a time; the others are found at the next start."""
_NOT_ALLOWED: Final = 3600.0
_DELAY, _LONGEST_DELAY = 2.0, 3600.0
"""Seconds until a device is asked again for a picture that it could not put; doubles each time."""
_SAVED_AFTER: Final = 2.0
_LONGEST_REASON: Final = 500
"""Characters."""
HEADERS: Final = {"content-type": "image/jpeg", "if-none-match": "*"}
"""What a device has to send with its picture: it cannot replace an object."""

pictures = Table(
    "pictures",
    metadata,
    Column("id", Id, primary_key=True),
    Column("thing", String(LONGEST_THING), nullable=False),
    Column("object", String(255), nullable=False),
    Column("state", String(8), nullable=False),
    Column("reason", Text),
    Column("updated", Time, nullable=False),
    **IN_UTF8,
)
"""What became of the picture of each visit: `stored`, or `gone` and why. By the id of the visit."""

_WANTED = text(
    "SELECT v.id, v.thing, v.ts FROM visits v LEFT JOIN pictures p ON p.id = v.id"
    " WHERE v.ts >= :since AND v.snapshot IS NOT NULL AND p.id IS NULL ORDER BY v.ts DESC LIMIT :most"
)


def object_of_visit(thing: str, at: datetime, visit: str) -> str:
    """Its key in the bucket."""
    return f"{thing}/{at.astimezone(UTC):%Y/%m/%d}/{visit}.jpg"


@dataclass(slots=True)
class _Wanted:
    thing: str
    at: datetime
    """When the visit was seen."""
    again_at: float
    failures: int = 0


@dataclass(frozen=True, slots=True)
class _Question:
    visit: str
    thing: str
    until: float


class Pictures(Job):
    """`taken` is called by the writer, `_heard` by the connection; the rest is one thread's."""

    name = "sink-pictures"
    patience = Seconds(3600.0)
    """A large database is looked through at the first start; the writer does not wait for it."""

    def __init__(
        self,
        engine: Engine,
        connection: BrokerTransport,
        devices: Devices,
        settings: SinkPictures,
        tally: Tally,
        clock: Clock,
        *,
        name: str,
    ) -> None:
        """`name` is this store's own. Raises OSError for a file of a key."""
        self._engine = engine
        self._broker = connection
        self._devices = devices
        self._tally = tally
        self._clock = clock
        self._name = name
        self._signer = Signer(settings.endpoint.rstrip("/"), settings.bucket, settings.region, *settings.read_keys())
        self._valid_for = int(settings.valid_for)
        self._lock = threading.Lock()
        self._wanted: dict[str, _Wanted] = {}
        self._under_way: dict[str, _Question] = {}
        """By the id of the request."""
        self._not_before: dict[str, float] = {}
        """Devices that send none, and until when they are not asked."""
        self._done: list[dict[str, Any]] = []
        self._answers: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self._database: Connection | None = None
        self._is_loaded = False
        self._try_at = float("-inf")
        self._backoff = Backoff(cap=30.0)
        self._outage = Outage("pictures", log, _to_nobody, clock)
        self._wake = threading.Event()
        for base in devices.bases:
            connection.subscribe(f"{base}/commands/picture/response", self._heard)

    # -- from other threads ------------------------------------------------------------------------------

    def taken(self, rows: Sequence[Row]) -> None:
        """These are stored."""
        now = self._clock.now().mono
        with self._lock:
            for row in rows:
                if (
                    "verdict" in row.fields
                    and isinstance(row.fields.get("snapshot"), str)
                    and len(self._wanted) < _MOST
                ):
                    self._wanted.setdefault(row.id, _Wanted(row.thing, row.ts, now))

    def _heard(self, message: Message) -> None:
        self._answers.put(dict(object_of(message.payload)))
        self._wake.set()

    # -- the worker --------------------------------------------------------------------------------------

    def step(self, stop: threading.Event) -> None:
        self._wake.wait(_TICK)
        self._wake.clear()
        now = self._clock.now().mono
        while not self._answers.empty():
            self._take(self._answers.get_nowait(), now)
        for id_, question in list(self._under_way.items()):
            if question.until <= now:
                del self._under_way[id_]
                self._put_off(question.visit, now)
        if now >= self._try_at and not stop.is_set():
            self._with_the_database(now)
        if self._broker.is_connected and self._is_loaded and not stop.is_set():
            self._ask(now)

    def interrupt(self) -> None:
        self._wake.set()

    def end(self) -> None:
        """What is not saved is asked again, and is there already."""
        self._close()

    def _ask(self, now: float) -> None:
        busy = {question.thing for question in self._under_way.values()}
        with self._lock:
            due = [(visit, each) for visit, each in self._wanted.items() if each.again_at <= now]
        for visit, wanted in due:
            if len(self._under_way) >= AT_ONCE:
                return
            device = self._devices.find(wanted.thing)
            is_ready = device is not None and device.is_online and self._not_before.get(wanted.thing, 0.0) <= now
            if device is None or not is_ready or wanted.thing in busy:
                continue
            if self._clock.now().wall - wanted.at.timestamp() > LONGEST.total_seconds():
                self._over(visit, "gone", "its device was away for too long")
                continue
            busy.add(wanted.thing)
            request = f"{self._name}-{uuid.uuid4()}"
            self._under_way[request] = _Question(visit, wanted.thing, now + _ANSWERS_WITHIN)
            key = object_of_visit(wanted.thing, wanted.at, visit)
            put = self._signer.presigned("PUT", key, datetime.now(UTC), self._valid_for, HEADERS)
            payload = json.dumps({"request_id": request, "visit": visit, "put": put}).encode()
            topic = f"{device.base}/commands/picture"
            self._broker.send(Message(topic=topic, payload=payload, priority=Priority.LIVE, qos=1, id=request))

    def _take(self, answer: dict[str, Any], now: float) -> None:
        question = self._under_way.pop(str(answer.get("request_id")), None)
        if question is None:
            return
        if answer.get("ok") is True:
            self._over(question.visit, "stored", None)
            return
        error = answer.get("error")
        code, why = (error.get("code"), _plain(error.get("text"))) if isinstance(error, dict) else (None, "no answer")
        if code == "bad_request":
            self._over(question.visit, "gone", why)
        elif code in ("not_allowed", "unknown_command"):
            self._not_before[question.thing] = now + _NOT_ALLOWED
            log.info("sink: %s sends no pictures: %s", question.thing, why)
        else:
            if code == "failed":
                self._outage.begin("not_put", f"{question.thing} cannot put a picture: {why}")
            self._put_off(question.visit, now)

    def _put_off(self, visit: str, now: float) -> None:
        with self._lock:
            if (wanted := self._wanted.get(visit)) is not None:
                wanted.again_at = now + min(_LONGEST_DELAY, _DELAY * 2.0 ** min(wanted.failures, 20))
                wanted.failures += 1

    def _over(self, visit: str, state: str, reason: str | None) -> None:
        with self._lock:
            wanted = self._wanted.pop(visit)
        if state == "stored":
            self._tally.pictures += 1
            self._outage.end()
        key = object_of_visit(wanted.thing, wanted.at, visit)
        self._done.append(
            {
                "id": visit,
                "thing": wanted.thing,
                "object": key,
                "state": state,
                "reason": reason,
                "updated": datetime.now(UTC),
            }
        )

    # -- the database ------------------------------------------------------------------------------------

    def _with_the_database(self, now: float) -> None:
        if (self._is_loaded and not self._done) or not self._tally.has_database:
            return
        try:
            self._database = self._database or self._engine.connect()
            if not self._is_loaded:
                self._load(self._database, now)
                self._is_loaded = True
            if self._done:
                rows = sorted(self._done, key=lambda row: str(row["id"]))
                self._database.execute(insert_new(self._database, pictures), rows)
                self._database.commit()
                self._done.clear()
            self._try_at = now + _SAVED_AFTER
            self._backoff.succeeded(60.0)
        except (SQLAlchemyError, OSError) as error:
            log.debug("sink: pictures: %s", sentence_of(error))
            self._close()
            self._try_at = now + max(1.0, self._backoff.next_delay())

    def _load(self, connection: Connection, now: float) -> None:
        """What an earlier run has not finished, and what was stored meanwhile."""
        since = datetime.now(UTC) - LONGEST
        found = connection.execute(_WANTED, {"since": since, "most": _MOST}).all()
        connection.rollback()
        with self._lock:
            for row in found:
                at = row.ts if row.ts.tzinfo else row.ts.replace(tzinfo=UTC)
                self._wanted.setdefault(str(row.id), _Wanted(row.thing, at, now))

    def _close(self) -> None:
        if self._database is not None:
            self._database.invalidate()
            self._database.close()
            self._database = None


def _plain(said: object) -> str:
    """The words of a device as every database and log takes them: on one line, and not too many."""
    return " ".join(legible(str(said)[:_LONGEST_REASON]).replace("\0", "\ufffd").split())


def _to_nobody(_fault: Fault) -> None:
    """The sink publishes no `errors`."""
