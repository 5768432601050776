"""The named shadow `edge-mask`: what is desired becomes the configuration in force, and that is reported.

            documents, answers                          Say: get, update
 cloud ──────────────────────────▶ WishShadow ────────────────────────────▶ cloud
                                    │      ▲
                       Configure, Activate │ ended
                                    ▼      │
                                     wishes

A table of states without threads; time is an argument. Only the newest version of the shadow counts, and one wish is
taken over at a time (taking_over.py), so that a storm of changes costs a few of them. The object lives over all houses:
each step may end the house in which it began.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from edge_mask.control import difference
from edge_mask.control.cloud.json_in import Nonsense, object_at, read_object, text_at, to_payload
from edge_mask.control.cloud.orders import Order, Say
from edge_mask.control.cloud.report import Report
from edge_mask.control.cloud.taking_over import TakingOver
from edge_mask.control.cloud.wished import Shadow
from edge_mask.control.wishes import InForce
from edge_mask.redact import redact
from edge_mask.wire.topics import ShadowTopics

log = logging.getLogger(__name__)

MOST_BYTES: Final = 8192
"""Of a shadow's state: the limit of AWS."""
_OURS: Final = ("config", "config_version", "model", "version", "rejected")
"""What is reported; other keys are somebody else's."""
_ANSWER_WITHIN, _LONGEST_PAUSE = 5.0, 300.0
_CONFLICT, _GONE = 409, 404
_NOT_NOW = (408, 429, *range(500, 600))


class WishShadow:
    """`connected`, `lost`, `hear` and `ended` tell it what happened; `turn` says what to do."""

    def __init__(
        self,
        topics: ShadowTopics,
        taking: TakingOver,
        in_force: Callable[[], InForce],
        *,
        program: str,
        new_token: Callable[[], str],
    ) -> None:
        """`program` is the version that is reported."""
        self.topics = topics
        self._taking = taking
        self._in_force = in_force
        self._program = program
        self._new_token = new_token
        self._is_online = False
        self._shadow: Shadow | None = None
        """None while it must be asked for."""
        self._unanswered = 0
        self._ask_at = 0.0
        self._report = Report()
        self._said: set[str] = set()

    # -- what happens ------------------------------------------------------------------------------------

    def connected(self, now: float) -> None:
        """Ask what was wished meanwhile."""
        self._is_online = True
        self._unanswered = 0
        self._report = Report()
        self._forget(now)

    def lost(self) -> None:
        """The connection is gone."""
        self._is_online = False

    def hear(self, topic: str, payload: bytes, now: float) -> None:
        """Something came on one of the topics in `topics.heard`; whoever sent it."""
        try:
            self._hear(topic, read_object(payload), now)
        except Nonsense as error:
            self._say_once(f"something that AWS does not send came on {topic}: {error}; it is ignored")

    def refused(self, now: float) -> None:
        """The connection did not take a report: a policy does not allow it."""
        self._report.refused(now)

    def ended(self, error: BaseException | None, now: float) -> None:
        """The last order that was no message has ended; None when it is in force."""
        self._taking.ended(error, now)

    def stopped(self) -> None:
        """The process ends as it should."""
        self._taking.stopped()

    # -- what to do --------------------------------------------------------------------------------------

    def turn(self, now: float) -> list[Order]:
        """What can be done now."""
        if not self._is_online:
            return []
        if self._shadow is None:
            return self._ask(now)
        order = self._taking.order(self._shadow, now)
        if order is not None:
            return [order]
        return [] if self._taking.is_busy else self._tell(self._shadow, now)

    def due(self, now: float) -> float:
        """When there is something to do even if nothing happens."""
        if not self._is_online:
            return float("inf")
        if self._shadow is None:
            return self._ask_at
        later = [at for at in (self._taking.next_at, self._report.next_at) if at > now]
        return min(later, default=float("inf"))

    # -- hearing -----------------------------------------------------------------------------------------

    def _hear(self, topic: str, found: Mapping[str, Any], now: float) -> None:
        if topic == self.topics.got:
            self._learn(Shadow.read(found))
        elif topic == self.topics.documents:
            self._learn(Shadow.read(object_at(found, "current")))
            self._report.answered(text_at(found, "clientToken"), now)
        elif topic == self.topics.deleted:
            self._shadow = Shadow()
        elif topic == self.topics.get_rejected:
            if found.get("code") == _GONE:
                self._shadow = Shadow()
        elif topic == self.topics.update_rejected and self._report.is_ours(text_at(found, "clientToken")):
            self._not_taken(found, now)

    def _learn(self, shadow: Shadow) -> None:
        """Older versions come late, or twice."""
        if self._shadow is None or shadow.version >= self._shadow.version:
            self._shadow = shadow
            self._unanswered = 0

    def _not_taken(self, found: Mapping[str, Any], now: float) -> None:
        """The report was refused."""
        code = found.get("code")
        self._report.refused(now)
        if code == _CONFLICT:
            self._forget(now)
        elif code not in _NOT_NOW:
            self._report.give_up()
            text = redact(str(found.get("message", "")))[:500]
            self._say_once(f"AWS does not take what is reported: {code} {text}")

    def _ask(self, now: float) -> list[Order]:
        if now < self._ask_at:
            return []
        self._ask_at = now + min(_LONGEST_PAUSE, _ANSWER_WITHIN * 2.0 ** min(self._unanswered, 10))
        self._unanswered += 1
        return [Say(self.topics.get, to_payload({"clientToken": self._new_token()}))]

    def _forget(self, now: float) -> None:
        """Ask anew; at once the first time, later and later while there are only conflicts."""
        self._shadow = None
        conflicts = self._report.conflicts
        self._ask_at = now + (min(30.0, 0.5 * 2.0 ** min(conflicts, 10)) if conflicts else 0.0)

    # -- the report --------------------------------------------------------------------------------------

    def _tell(self, shadow: Shadow, now: float) -> list[Order]:
        """Report what differs from what the cloud has."""
        target = self._reported(shadow)
        known = difference.full({key: value for key, value in shadow.reported.items() if key in _OURS})
        change = difference.patch(known, difference.full(target))
        if not self._report.may_say(change, now):
            return []
        token = self._new_token()
        self._report.say(token, change, now)
        content: dict[str, Any] = {"state": {"reported": change}, "clientToken": token}
        if shadow.version:
            content["version"] = shadow.version
        return [Say(self.topics.update, to_payload(content))]

    def _reported(self, shadow: Shadow) -> dict[str, Any]:
        force, refusal = self._in_force(), self._taking.refusal
        target: dict[str, Any] = {
            "config": _without_secrets(force.config),
            "config_version": force.version,
            "version": self._program,
        }
        if force.model is not None:
            target["model"] = dict(zip(("name", "version"), force.model, strict=True))
        if refusal is not None:
            target["rejected"] = refusal.shown()
        if len(to_payload({"desired": shadow.desired, "reported": target})) > MOST_BYTES:
            self._say_once(f"what is wished and in force takes more than {MOST_BYTES} bytes; it is not reported whole")
            del target["config"]
        return target

    def _say_once(self, sentence: str) -> None:
        if sentence not in self._said and len(self._said) < 100:
            self._said.add(sentence)
            log.warning("shadow: %s", sentence)


def _without_secrets(value: Any) -> Any:
    """Addresses of cameras may hold passwords."""
    if isinstance(value, Mapping):
        return {key: _without_secrets(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_secrets(each) for each in value]
    return redact(value) if isinstance(value, str) else value
