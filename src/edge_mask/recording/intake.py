"""From an event to what is stored and sent: its row, its message, and the effects of the rules."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from edge_mask.deliver.destination import BROKER
from edge_mask.deliver.http_request import destination_of, waiting_call
from edge_mask.errors import Refused
from edge_mask.kinds import Kind
from edge_mask.ledger.held import held_row
from edge_mask.ledger.outbox import NOTIFY_TOPIC
from edge_mask.ledger.rows import EventRow, OutboxRow, event_row
from edge_mask.ledger.sequences import Sequences
from edge_mask.ledger.series_rows import SeriesRow
from edge_mask.ledger.shadows import Shadows
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import (
    Alert,
    Detections,
    Event,
    Fault,
    Heard,
    Held,
    Message,
    Priority,
    Reading,
    Settled,
    Visit,
    kind_of,
)  # fmt: skip
from edge_mask.recording.again import SentAgain, row_of, spans
from edge_mask.recording.by_exception import Sending
from edge_mask.recording.requests import SendAgain
from edge_mask.recording.shadow_updates import ShadowUpdates
from edge_mask.redact import legible, redact
from edge_mask.rules.echoes import Echoes
from edge_mask.rules.effects import EdgeAction, Effect, HttpCall, Incoming, Notify, Republish, RuleFailed
from edge_mask.rules.rule_set import RuleSet
from edge_mask.sql.rule_input import Context
from edge_mask.sql.values import Value
from edge_mask.units import Moment
from edge_mask.wire.encode import Encoded, encode
from edge_mask.wire.envelope import envelope, to_bytes
from edge_mask.wire.tflite_component import TfliteResults
from edge_mask.wire.topics import Topics

if TYPE_CHECKING:  # what is not wanted is not imported
    from edge_mask.notify.desk import NoticeDesk, Told


@dataclass(slots=True)
class Admitted:
    """What one event became."""

    priority: Priority
    events: list[EventRow] = field(default_factory=list)
    outgoing: list[OutboxRow] = field(default_factory=list)
    live: list[Message] = field(default_factory=list)
    actions: list[EdgeAction] = field(default_factory=list)
    told: list[tuple[Kind, Message]] = field(default_factory=list)
    """Each event as its message, whether it is sent or not."""
    released: list[str] = field(default_factory=list)
    """Visits that are held no longer, by id."""
    boot: str | None = None
    """The boot that its moment belongs to; None is this one."""
    counts: Counter[str] = field(default_factory=Counter)
    marks: dict[str, int] = field(default_factory=dict)
    series: list[SeriesRow] = field(default_factory=list)

    @property
    def is_stored(self) -> bool:
        return bool(self.events or self.outgoing or self.released or self.counts or self.series)

    def tell(self, told: "Told") -> None:
        """Take what became of a notification."""
        self.outgoing += told.rows
        self.counts += told.counts
        self.marks |= told.marks


class Intake:
    """Gives each event its id, its sequence number and its bytes, and runs the rules on it.

    It changes only the sequence numbers, the shadows and the rules' counters; it returns everything else.
    """

    def __init__(
        self,
        *,
        thing: str,
        topics: Topics,
        sequences: Sequences,
        shadows: Shadows,
        boot: str,
        new_id: Callable[[Moment], str],
        destination: str | None = BROKER,
        rules: RuleSet | None = None,
        forward: Literal["all", "rules-only"] = "all",
        secrets: Iterable[str] = (),
        tflite_results: TfliteResults | None = None,
        echoes: Echoes | None = None,
        notices: "NoticeDesk | None" = None,
        on_admit: Callable[[Event], None] = lambda _event: None,
        sending: Sending | None = None,
    ) -> None:
        """Without a `destination` nothing is sent; with `rules-only`, only what a rule republishes.

        `secrets` are removed from the texts of faults. With `tflite_results` every look arrives here. `echoes` is told
        of what rules publish, `on_admit` of each event, whether it is sent or not. `notices` tells people. `sending`
        knows which readings are only kept.
        """
        self._thing = thing
        self._topics = topics
        self._sequences = sequences
        self._shadows = shadows
        self._updates = ShadowUpdates(shadows, thing)
        self._boot = boot
        self._new_id = new_id
        self.destination = destination
        """Where messages of the broker wait."""
        self._rules = rules if rules is not None and rules.rules else None
        self._forward = forward
        self._secrets = tuple(secrets)
        self._tflite_results = tflite_results
        self._echoes = echoes or Echoes(())
        self._notices = notices
        self._on_admit = on_admit
        self._sending = sending or Sending()

    def admit(self, event: Event) -> Admitted:
        """The rows and messages of one event; the same id stands in the history and on the wire."""
        if isinstance(event, Fault):
            event = replace(event, text=legible(redact(event.text, self._secrets)))
        encoded = encode(event)
        admitted = Admitted(encoded.priority)
        if isinstance(event, Detections) and (theirs := self._tflite_results) is not None:
            self._send(theirs.of(event), event.at, admitted)
            if not theirs.wants(event):
                return admitted
        self._admit(event, encoded, admitted, is_complaint=False)
        return admitted

    def hold(self, held: Held) -> Admitted:
        """A visit waits for its passage: it is kept, and nothing is sent."""
        return Admitted(Priority.EVIDENCE, events=[held_row(held, self._boot)])

    def settle(self, settled: Settled) -> Admitted:
        """Now it is a visit like any other, under the id that it has had from the begin."""
        admitted = Admitted(Priority.EVIDENCE, released=[settled.id], boot=settled.boot)
        if settled.visit is not None:
            self._admit(settled.visit, encode(settled.visit), admitted, is_complaint=False, event_id=settled.id)
        return admitted

    def hear(self, heard: Heard) -> Admitted:
        """What rules make of another program's message. The sender's name is not known."""
        admitted = Admitted(Priority.TELEMETRY)
        if self._rules is None:
            return admitted
        message = replace(heard.message, priority=Priority.TELEMETRY)
        pairs = message.properties.get("user_properties", ())
        ours = self._incoming(message, heard.at)
        theirs = replace(ours.context, client_id=None, mqtt=message.properties, user_properties=pairs)
        effects = self._rules.apply(replace(ours, context=theirs))
        self._carry_out(effects, message, heard.at, admitted, is_complaint=False)
        return admitted

    def uploaded(self, at: Moment) -> None:
        """A destination has taken a message."""
        self._updates.by_receipt(at)

    def refused(self, message: Message, at: Moment, reason: str) -> Admitted:
        """A destination refused a message for good: the effects of the error action of the rule that sent it."""
        admitted = Admitted(message.priority)
        properties = message.properties
        if self._rules is None or "rule" not in properties:
            return admitted
        cause = Message(topic=properties["topic"], payload=properties["payload"], priority=message.priority, qos=1)
        action = "NotifyAction" if message.topic.startswith(NOTIFY_TOPIC) else "HttpAction"
        effects = self._rules.failed_later(
            properties["rule"], self._incoming(cause, at), redact(message.topic), reason, action
        )
        self._carry_out(effects, cause, at, admitted, is_complaint=False)
        return admitted

    def send_again(self, asked: SendAgain, ledger: Ledger, now: Moment) -> tuple[Admitted, SentAgain]:
        """The messages that are to be sent again, and what to say. Raises Refused, TryLater, DatabaseError."""
        newest = self._sequences.given_out(asked.topic)
        if newest is None or self.destination is None:
            raise Refused(f"nothing with a number was ever sent on {asked.topic}")
        found, under_way = ledger.sent_before(self.destination, asked.topic, asked.first, asked.last)
        due = [each for each in found if each.seq not in under_way]
        admitted = Admitted(Priority.EVIDENCE)
        admitted.outgoing = [row_of(each, asked.topic, self.destination, self._thing, now, self._boot) for each in due]
        coming = {each.seq for each in due} | {seq for seq, is_pending in under_way.items() if is_pending}
        wanted = range(asked.first, min(asked.last, newest) + 1)
        missing = spans(seq for seq in wanted if seq not in coming)
        return admitted, SentAgain(asked.topic, sum(seq in coming for seq in wanted), missing, newest)

    def _admit(
        self, event: Event, encoded: Encoded, admitted: Admitted, *, is_complaint: bool, event_id: str = ""
    ) -> None:
        self._on_admit(event)
        if isinstance(event, Visit):
            event_id = event_id or event.id
        event_id = event_id or self._new_id(event.at)
        topic = self._topics.of(encoded.kind)
        is_only_kept = isinstance(event, Reading) and not self._sending.wants(event)
        # What is not sent takes no number: a gap says that a message was dropped.
        is_live = encoded.priority is Priority.LIVE
        seq = self._sequences.last(topic) if is_only_kept else self._sequences.next(topic, live=is_live)
        is_sent = self._forward == "all" and not is_only_kept
        if (row := event_row(event, event_id, admitted.boot or self._boot)) is not None:
            if is_sent and self.destination is not None:
                row.numbered(topic, seq)
            admitted.events.append(row)
        fields = envelope(encoded.fields, id=event_id, seq=seq, thing=self._thing, at=event.at)
        message = Message(
            topic=topic, payload=to_bytes(fields), priority=encoded.priority, qos=encoded.qos, id=event_id
        )
        admitted.told.append((kind_of(event), message))
        if is_sent:
            self._send(message, event.at, admitted)
        # Rules see the shadow as it was before this message: so they can compare the two.
        depth = event.depth if isinstance(event, Reading) else 0
        self._through_rules(message, event.at, admitted, depth, is_complaint=is_complaint)
        if isinstance(event, Alert) and self._notices is not None:  # after the rules: their words go before
            admitted.tell(self._notices.alert(event, message, admitted.boot))
        self._updates.by_event(event)

    def _send(self, message: Message, at: Moment, admitted: Admitted) -> None:
        if self.destination is None:
            return
        if message.priority is Priority.LIVE:
            admitted.live.append(message)
        else:
            admitted.outgoing.append(OutboxRow(self.destination, message, at, admitted.boot))

    def _through_rules(
        self, message: Message, at: Moment, admitted: Admitted, depth: int, *, is_complaint: bool
    ) -> None:
        if self._rules is None:
            return
        effects = self._rules.apply(self._incoming(message, at, depth))
        self._carry_out(effects, message, at, admitted, is_complaint=is_complaint)

    def _incoming(self, message: Message, at: Moment, depth: int = 0) -> Incoming:
        def shadow(thing: str, name: str | None) -> Value:
            return self._shadows.get(thing, name, int(at.wall))

        local = None if self._notices is None else self._notices.local
        context = Context(timestamp=int(at.wall * 1000), client_id=self._thing, shadow=shadow, local=local)
        topic, payload = message.topic, message.payload
        return Incoming(topic=topic, payload=payload, priority=message.priority, context=context, depth=depth)

    def _carry_out(
        self, effects: Iterable[Effect], message: Message, at: Moment, admitted: Admitted, *, is_complaint: bool
    ) -> None:
        for effect in effects:
            match effect:
                case Republish(message=made, depth=depth):
                    self._echoes.made(made, depth)
                    self._send(replace(made, id=self._new_id(at)), at, admitted)
                    if fault := self._updates.by_rule(made, at, is_silent=is_complaint):
                        self._admit(fault, encode(fault), admitted, is_complaint=True)
                case HttpCall():
                    call = waiting_call(effect, cause=message, message_id=self._new_id(at))
                    admitted.outgoing.append(OutboxRow(destination_of(effect.url), call, at, admitted.boot))
                case Notify() if self._notices is not None:
                    admitted.tell(self._notices.rule(effect, message, at, admitted.boot))
                case EdgeAction():
                    admitted.actions.append(effect)
                # A rule that fails on complaints would complain for ever. It is set aside only once, so that is told.
                case RuleFailed(code=code) if not is_complaint or code == "set_aside":
                    self._complain(effect, at, admitted)

    def _complain(self, failed: RuleFailed, at: Moment, admitted: Admitted) -> None:
        """One `errors` message, unless the rule's own error action took it."""
        if failed.is_handled and failed.code != "set_aside":
            return
        component = f"rule {failed.rule}" if failed.rule else "rules"
        fault = Fault(at=at, component=component, code=f"rule_{failed.code}", text=failed.text)
        self._admit(fault, encode(fault), admitted, is_complaint=True)
