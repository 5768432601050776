"""AWS IoT Jobs: one after the other is fetched, done, and its outcome reported until the service has it.

 notify-next ─▶ start-next ─▶ (on the disk: begun) ─▶ Do ─▶ (on the disk: ended) ─▶ update ─▶ start-next …

A job that ends the process is handed out again after the restart, and is begun `MOST_TRIES` times at most. A table of
states without threads; time is an argument. It lives over all houses, as a job may build the house again.
"""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from edge_mask.control.cloud.job_document import NotKnown, Operation, operation
from edge_mask.control.cloud.job_memory import Execution, JobMemory
from edge_mask.control.cloud.job_outcome import Outcome, outcome_of
from edge_mask.control.cloud.json_in import Nonsense, object_at, read_object, text_at, to_payload, whole_number
from edge_mask.control.cloud.orders import Say
from edge_mask.errors import TryLater
from edge_mask.wire.topics import JobTopics

log = logging.getLogger(__name__)

MOST_TRIES: Final = 2
DONE_WITHIN: Final = 600.0
"""Seconds that a job may take."""
_STEP_TIMEOUT: Final = 24 * 60
"""Minutes after which the service gives up a job of a device that does not come back."""
_ANSWER_WITHIN, _LONGEST_PAUSE = 10.0, 300.0
_TRIES_AGAIN_AFTER = 5.0
_MOST_DELAYS: Final = 60
_ID: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Do:
    """Carry it out, and tell `ended` under this number."""

    number: int
    operation: Operation


class Jobs:
    """`connected`, `lost`, `hear` and `ended` tell it what happened; `turn` says what to do."""

    def __init__(self, topics: JobTopics, memory: JobMemory, *, new_token: Callable[[], str]) -> None:
        self.topics = topics
        self._memory = memory
        self._new_token = new_token
        self._is_online = False
        self._wants_next = False
        self._token = ""
        """Of the request that is not answered yet."""
        self._say_at = float("-inf")
        self._unanswered = 0
        self._operation: Operation | None = None
        """What the current job asks for, while it is not over."""
        self._doing = 0
        self._is_doing = False
        self._do_at = self._until = float("-inf")
        self._delays = 0
        self._said: set[str] = set()

    # -- what happens ------------------------------------------------------------------------------------

    def connected(self) -> None:
        """Report what came out meanwhile, or ask for the next one."""
        self._is_online = self._wants_next = True
        self._ask_now()

    def lost(self) -> None:
        """The connection is gone."""
        self._is_online = False

    def hear(self, topic: str, payload: bytes, now: float) -> None:
        """Something came on one of the topics in `topics.heard`; whoever sent it."""
        try:
            self._hear(topic, read_object(payload), now)
        except Nonsense as error:
            sentence = f"something that AWS does not send came on {topic[:200]}: {error}; it is ignored"
            if sentence not in self._said and len(self._said) < 100:
                self._said.add(sentence)
                log.warning("jobs: %s", sentence)

    def ended(self, number: int, error: BaseException | None, details: Mapping[str, str], now: float) -> None:
        """What `Do` of that number ordered has ended; `details` say what came of it when there was no error."""
        if number != self._doing or not self._is_doing:
            return
        self._is_doing = False
        if not isinstance(error, TryLater):
            self._end(outcome_of(error, details))
            return
        self._delays += 1
        if self._delays > _MOST_DELAYS:
            self._end(Outcome("FAILED", {"error": str(error)}))
            return
        self._do_at = now + _TRIES_AGAIN_AFTER
        if (current := self._memory.current) is not None:  # it was not done, so that was no try
            self._keep(lambda: self._memory.begin(replace(current, tries=max(0, current.tries - 1))))

    def stopped(self) -> None:
        """The process ends as it should: what was being done was no try."""
        current = self._memory.current
        if self._is_doing and current is not None and current.outcome is None:
            self._keep(lambda: self._memory.begin(replace(current, tries=max(0, current.tries - 1))))

    # -- what to do --------------------------------------------------------------------------------------

    def turn(self, now: float) -> list[Say | Do]:
        """What can be done now."""
        current = self._memory.current
        if self._is_doing and now >= self._until:
            self._is_doing = False
            self._end(Outcome("FAILED", {"error": f"it was not done within {DONE_WITHIN:.0f} s"}))
            current = self._memory.current
        if not self._is_online or self._is_doing:
            return []
        if current is not None and current.outcome is not None:
            return self._report(current, current.outcome, now)
        if current is not None and self._operation is not None:
            return self._do(current, self._operation, now)
        return self._ask(now)

    def due(self, now: float) -> float:
        """When there is something to do even if nothing happens."""
        later = [self._until] if self._is_doing else []
        if self._is_online and not self._is_doing:
            later += [self._do_at] if self._operation is not None else []
            current = self._memory.current
            waits = self._wants_next or self._token or (current is not None and current.outcome is not None)
            later += [self._say_at] if waits else []
        return min((at for at in later if at > now), default=float("inf"))

    def _do(self, current: Execution, wanted: Operation, now: float) -> list[Say | Do]:
        if now < self._do_at:
            return []
        if current.tries >= MOST_TRIES:
            self._end(Outcome("FAILED", {"error": f"the daemon ended {current.tries} times while this was done"}))
            return self.turn(now)
        try:
            self._memory.begin(replace(current, tries=current.tries + 1))
        except TryLater as error:
            self._end(Outcome("FAILED", {"error": f"not begun, as the device could not note that it was: {error}"}))
            return self.turn(now)
        log.info("jobs: %s: %s begins", current.id, type(wanted).__name__.lower())
        self._is_doing = True
        self._doing += 1
        self._until = now + DONE_WITHIN
        return [Do(self._doing, wanted)]

    def _report(self, current: Execution, outcome: Outcome, now: float) -> list[Say | Do]:
        if now < self._say_at:
            return []
        content = {
            "status": outcome.status,
            "statusDetails": dict(outcome.details),
            "expectedVersion": current.version,
            "executionNumber": current.number,
            "includeJobExecutionState": True,
        }
        return self._say(self.topics.update(current.id), content, now)

    def _ask(self, now: float) -> list[Say | Do]:
        if not self._wants_next or now < self._say_at:
            return []
        return self._say(self.topics.start_next, {"stepTimeoutInMinutes": _STEP_TIMEOUT}, now)

    def _say(self, topic: str, content: Mapping[str, Any], now: float) -> list[Say | Do]:
        self._token = self._new_token()
        self._say_at = now + min(_LONGEST_PAUSE, _ANSWER_WITHIN * 2.0 ** min(self._unanswered, 10))
        self._unanswered += 1
        return [Say(topic, to_payload({**content, "clientToken": self._token}))]

    # -- hearing -----------------------------------------------------------------------------------------

    def _hear(self, topic: str, found: Mapping[str, Any], now: float) -> None:
        if topic == self.topics.notify_next:
            if object_at(found, "execution"):
                self._wants_next = True
                if self._memory.current is None:
                    self._ask_now()
            return
        token = text_at(found, "clientToken")
        if not token or token != self._token:
            return  # an answer that came too late, or to somebody else
        if topic == f"{self.topics.start_next}/accepted":
            self._answered()
            self._wants_next = False
            self._next(object_at(found, "execution"))
        elif topic.endswith("/accepted"):
            self._over()
        else:
            self._not_taken(found, now)

    def _next(self, found: Mapping[str, Any]) -> None:
        """The service hands out a job; nothing when there is none."""
        before = self._memory.current
        if not found:
            if before is not None:  # it was cancelled, or timed out, while this device was away
                self._keep(self._memory.over)
            self._operation = None
            return
        name = text_at(found, "jobId")
        if not _ID.fullmatch(name):
            raise Nonsense("jobId is none")
        number, version = whole_number(found, "executionNumber", 1), whole_number(found, "versionNumber")
        given = Execution(name, number, version)
        if (known := self._memory.ended(given)) is not None:
            self._keep(lambda: self._memory.begin(replace(known, version=version)))
            return
        if before is not None and before.is_same(given):
            given = replace(before, version=version)
        self._delays = 0
        self._do_at = float("-inf")
        self._memory.current = given
        try:
            self._operation = operation(found.get("jobDocument"))
        except NotKnown as error:
            self._end(Outcome("REJECTED", {"error": str(error)}))

    def _not_taken(self, found: Mapping[str, Any], now: float) -> None:
        code = text_at(found, "code")
        self._token = ""
        current = self._memory.current
        if current is None or current.outcome is None or code in ("RequestThrottled", "InternalError"):
            return  # asked again when its time has come
        state = object_at(found, "executionState")
        if code == "VersionMismatch" and state.get("status") in ("QUEUED", "IN_PROGRESS"):
            self._memory.is_at(whole_number(state, "versionNumber"))
            self._say_at = now + 1.0
            return
        if code == "InvalidRequest" and current.outcome.details:
            self._keep(lambda: self._memory.end(Outcome(current.outcome.status if current.outcome else "FAILED")))
            self._say_at = now + 1.0
            return
        log.warning("jobs: %s: the service does not take %s: %s", current.id, current.outcome.status, code)
        self._over()

    # -- small parts -------------------------------------------------------------------------------------

    def _end(self, outcome: Outcome) -> None:
        outcome = outcome.fitting()
        current = self._memory.current
        level = logging.INFO if outcome.status == "SUCCEEDED" else logging.WARNING
        told = "; ".join(outcome.details.values())
        log.log(level, "jobs: %s: %s %s", current.id if current else "", outcome.status, told)
        self._operation = None
        self._keep(lambda: self._memory.end(outcome))
        self._ask_now()

    def _over(self) -> None:
        self._answered()
        self._wants_next = True
        self._operation = None
        self._keep(self._memory.over)

    def _answered(self) -> None:
        self._token = ""
        self._ask_now()

    def _ask_now(self) -> None:
        self._say_at = float("-inf")
        self._unanswered = 0

    def _keep(self, change: Callable[[], object]) -> None:
        try:
            change()
        except TryLater as error:
            log.warning("jobs: what became of a job is not known after a restart: %s", error)
