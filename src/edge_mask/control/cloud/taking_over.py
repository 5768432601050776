"""From what is desired to what is in force: which steps it takes, what is refused, and when the next one may begin.

 desired ──differs from the wish before──▶ Configure ─▶ Activate ─▶ remembered as applied
                                               └── refused: remembered with its reason, not tried again

Each step builds the house anew, and may be the end of the process: that it begins is on the disk before.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from edge_mask.control import difference
from edge_mask.control.cloud.orders import Activate, Configure
from edge_mask.control.cloud.wished import MOST_TRIES, Memory, Refusal, Remembered, Shadow, Wish, Wrong, digest
from edge_mask.control.wishes import InForce
from edge_mask.errors import ConfigurationError, TryLater
from edge_mask.redact import redact
from edge_mask.wire.fleet_models import Desired

log = logging.getLogger(__name__)

NO_PACKAGES: Final = "a package that is to be fetched by its digest is taken only with a section `fleet`"
ORIGIN: Final = "shadow"
"""What sentences call it."""
_LONGEST_TEXT: Final = 1000
_BETWEEN, _MOST_BETWEEN, _CALM_AFTER = 1.0, 30.0, 60.0
_TRIES_AGAIN_AFTER, _DISK_AGAIN_AFTER = 5.0, 300.0


@dataclass(slots=True)
class _Begun:
    """A wish on its way."""

    wish: Wish
    digest: str
    version: int
    steps: list[Configure | Activate]
    uncertain: Mapping[str, Any] | None
    """What was uncertain before it began."""
    is_asked: bool = False
    """The first of the steps was ordered and has not ended."""


class TakingOver:
    """One wish at a time; `order` says what to do for it, `ended` what became of that."""

    def __init__(
        self, memory: Memory, in_force: Callable[[], InForce], take: Callable[[Desired | None], bool] = lambda _: False
    ) -> None:
        """`take` passes a wish for a package on, and says whether there is anybody to take it: it is not waited for."""
        self._memory = memory
        self._in_force = in_force
        self._take = take
        self._passed_on: Desired | None = None
        self._begun: _Begun | None = None
        self._last = float("-inf")
        self._pause = _BETWEEN
        self._is_disk_told = False
        self.next_at = float("-inf")
        """When the next wish may begin."""

    @property
    def is_busy(self) -> bool:
        """Something was ordered and has not ended."""
        return self._begun is not None

    @property
    def refusal(self) -> Refusal | None:
        """Why the last wish was refused."""
        return self._memory.now.refusal

    def order(self, shadow: Shadow, now: float) -> Configure | Activate | None:
        """The next step, once."""
        if self._begun is None:
            self._begin(shadow, now)
        if (begun := self._begun) is None or begun.is_asked:
            return None
        begun.is_asked = True
        return begun.steps[0]

    def ended(self, error: BaseException | None, now: float) -> None:
        """What was ordered last has ended; None when it is in force."""
        if (begun := self._begun) is None:
            return
        if error is None:
            self._stepped(begun)
        else:
            self._begun = None
            if isinstance(error, TryLater):  # it was not done, so that was no try
                log.info("shadow: the wish of version %d waits: %s", begun.version, error)
                self.next_at = now + _TRIES_AGAIN_AFTER
                self._remember(trying="", tries=0, uncertain=begun.uncertain)
            else:
                self._remember(uncertain=begun.uncertain)
                step = "model" if isinstance(begun.steps[0], Activate) else None
                self._refuse(begun.digest, _refusal(error, begun.version, step))
        if self._begun is None:
            self._slow_down(now)

    def stopped(self) -> None:
        """The process ends as it should: what was being taken over was no try."""
        if self._begun is not None:
            self._remember(trying="", tries=0)

    def _begin(self, shadow: Shadow, now: float) -> None:
        """Begin with what is desired, if it is new."""
        found, memory = digest(shadow.desired), self._memory.now
        refusal = memory.refusal
        if found == memory.refused and (refusal is None or refusal.text != NO_PACKAGES):
            return
        try:
            wish = Wish.read(shadow.desired)
        except Wrong as error:
            self._refuse(found, Refusal(shadow.version, error.key, str(error)))
            return
        if not self._pass_on(wish.package):
            if found != memory.refused:
                self._refuse(found, Refusal(shadow.version, "model", NO_PACKAGES))
            return
        steps = self._steps(wish)
        if not steps:
            self._is_so(wish)
        elif now < self.next_at:
            return
        elif memory.trying == found and memory.tries >= MOST_TRIES:
            text = f"the daemon ended {memory.tries} times while this was taken over"
            self._refuse(found, Refusal(shadow.version, None, text))
        elif self._remember(
            trying=found,
            tries=memory.tries + 1 if memory.trying == found else 1,
            uncertain=difference.joined(memory.uncertain or {}, wish.config),
        ):
            self._begun = _Begun(wish, found, shadow.version, steps, memory.uncertain)
        else:
            self._memory.now = memory  # it was not tried
            self.next_at = now + _DISK_AGAIN_AFTER

    def _pass_on(self, package: Desired | None) -> bool:
        """False when nobody takes it."""
        if package != self._passed_on and not self._take(package) and package is not None:
            return False
        self._passed_on = package
        return True

    def _steps(self, wish: Wish) -> list[Configure | Activate]:
        """What differs from the wish before; what others changed since is theirs."""
        force, memory = self._in_force(), self._memory.now
        if force.version < memory.config_version:  # the overlay was lost: all of it is to be done again
            memory = Remembered()
        before = difference.joined(memory.config, memory.uncertain or {})
        part = difference.wish(before, wish.config, force.config)
        if memory.uncertain is not None:
            part = difference.joined(part, wish.config)
        steps: list[Configure | Activate] = [Configure(part)] if part else []
        if wish.model is not None and wish.model not in (memory.model, force.model):
            steps.append(Activate(*wish.model))
        return steps

    def _is_so(self, wish: Wish) -> None:
        """All of it is in force; what was refused before was taken back."""
        memory = self._memory.now
        is_known = difference.same(memory.config, wish.config) and memory.model == wish.model
        if memory.refused or memory.uncertain is not None or not is_known:
            self._remember(config=wish.config, model=wish.model, config_version=self._in_force().version)
            self._over()

    def _stepped(self, begun: _Begun) -> None:
        version = self._in_force().version
        if isinstance(begun.steps.pop(0), Configure):
            begun.uncertain = None
            self._remember(config=begun.wish.config, config_version=version, uncertain=None)
        else:
            self._remember(model=begun.wish.model, config_version=version)
        begun.is_asked = False
        if not begun.steps:
            log.info("shadow: the wish of version %d is in force", begun.version)
            self._begun = None
            self._over()

    def _over(self) -> None:
        self._remember(refused="", refusal=None, trying="", tries=0, uncertain=None)

    def _refuse(self, wanted: str, refusal: Refusal) -> None:
        log.warning("shadow: the wish of version %d is refused: %s", refusal.version, refusal.text)
        self._remember(refused=wanted, refusal=refusal, trying="", tries=0)

    def _remember(self, **changes: Any) -> bool:
        """False when the disk does not take it; it is known until the next restart all the same."""
        try:
            self._memory.change(**changes)
        except TryLater as error:
            if not self._is_disk_told:
                log.warning("shadow: wishes are not remembered over a restart: %s", error)
            self._is_disk_told = True
            return False
        self._is_disk_told = False
        return True

    def _slow_down(self, now: float) -> None:
        """Many wishes in a row come at growing distances."""
        is_calm = now >= self._last + _CALM_AFTER
        self._pause = _BETWEEN if is_calm else min(_MOST_BETWEEN, 2 * self._pause)
        self._last = now
        self.next_at = max(self.next_at, now + self._pause)


def _refusal(error: BaseException, version: int, key: str | None) -> Refusal:
    """With the key that a configuration error names first."""
    problems = [str(error) or type(error).__name__]
    if isinstance(error, ConfigurationError):
        problems = [problem.removeprefix(f"{ORIGIN}: ") for problem in error.problems]
        first, colon, _ = problems[0].partition(": ")
        key = first if colon and " " not in first and problems[0] != error.problems[0] else key
    text = redact("; ".join(problems).replace("\n", "; "))
    return Refusal(version, key, text[:_LONGEST_TEXT])
