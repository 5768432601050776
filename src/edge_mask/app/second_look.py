"""From the settings to second looks; nothing of them is imported while they are off."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from edge_mask.app.ground import Ground
from edge_mask.control.wishes import Wishes
from edge_mask.deliver.transport import BrokerTransport
from edge_mask.kinds import Kind
from edge_mask.messages import Event, Message, Shot
from edge_mask.runtime.worker import Job
from edge_mask.settings.fleet import SecondLook
from edge_mask.units import Seconds

if TYPE_CHECKING:
    from edge_mask.fleet.looks.asker import Asker
    from edge_mask.fleet.looks.second_look import SecondLooks
    from edge_mask.fleet.looks.standing import Standing

Offered = Callable[[Event, Shot | None], Event]
OnEvent = Callable[[Kind, Message], object]

_STEPS = 3
"""Connect, send, and the answer: each of an HTTP question may take the whole timeout."""


class SecondLooking:
    """Of one house, in the making: vision and the recorder are built before the connection that it asks over."""

    def __init__(self, ground: Ground, wishes: Wishes | None) -> None:
        settings = ground.settings
        self._ground = ground
        wanted = None if settings.fleet is None else settings.fleet.second_look
        self._wanted = wanted if settings.privacy.second_look else None  # the settings say so, too: once more is cheap
        self._looks: SecondLooks | None = None
        self._standing = None if self._wanted is None else self._standing_of(self._wanted, wishes)

    @property
    def counts(self) -> "dict[str, int] | None":
        """By outcome since the process began; None while it is off."""
        if self._standing is None:
            return None
        from edge_mask.fleet.looks.standing import OUTCOMES

        return {outcome: self._standing.counts[outcome] for outcome in OUTCOMES}

    @property
    def offered(self) -> Offered | None:
        """What vision offers each event to; None while it is off."""
        return None if self._wanted is None else self._offered

    def on_event(self, before: OnEvent) -> OnEvent:
        """What the recorder tells of each event."""
        if self._wanted is None:
            return before

        def told(kind: Kind, message: Message) -> None:
            before(kind, message)
            if self._looks is not None:
                self._looks.recorded(kind, message)

        return told

    def on_erase(self, before: Callable[[], None]) -> Callable[[], None]:
        """What the recorder tells when something was erased."""
        if self._wanted is None:
            return before

        def told() -> None:
            before()
            if self._looks is not None:
                self._looks.forget()

        return told

    def jobs(self, connection: BrokerTransport | None) -> list[Job]:
        """The worker, where it is wanted."""
        if (wanted := self._wanted) is None or (standing := self._standing) is None:
            return []
        asker = self._asker(wanted, connection)
        if asker is None:
            return []
        from edge_mask.fleet.looks.second_look import SecondLooks

        ground = self._ground
        self._looks = SecondLooks(
            asker,
            standing,
            ground.inbox.emit,
            ground.new_id,
            ground.clock,
            band=wanted.band,
            per_hour=wanted.per_hour,
            pass_score=ground.settings.gate.pass_score,
            patience=Seconds(_STEPS * wanted.timeout),
        )
        return [self._looks]

    def _offered(self, event: Event, shot: Shot | None) -> Event:
        return event if self._looks is None else self._looks.offer(event, shot)

    def _asker(self, wanted: SecondLook, connection: BrokerTransport | None) -> "Asker | None":
        clock = self._ground.clock
        if wanted.is_address:
            from edge_mask.fleet.looks.ask_address import AskAddress

            return AskAddress(wanted.to, wanted.token_file, wanted.ca, wanted.timeout, clock)
        if connection is None:
            return None
        from edge_mask.fleet.looks.ask_thing import AskThing

        return AskThing(wanted.to, self._ground.topics, connection, wanted.timeout, clock)

    def _standing_of(self, wanted: SecondLook, wishes: Wishes | None) -> "Standing":
        from edge_mask.fleet.looks.standing import Standing

        def made() -> Standing:
            return Standing(self._ground.inbox.emit, self._ground.clock)

        standing = made() if wishes is None else wishes.lasting(("second look", wanted.to), made)
        standing.breaker.outage.report = self._ground.inbox.emit
        return standing
