"""What is damaged in the folder of a series: told once, also over restarts, until it is whole again."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from edge_mask.messages import Fault
from edge_mask.runtime.clock import Clock

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Lacks:
    """Of one series."""

    component: str
    clock: Clock
    report: Callable[[Fault], None]
    told: dict[str, str] = field(default_factory=dict)
    """By code; a restart must know it."""
    has_news: bool = False
    """Whether `told` is not kept yet."""

    def load(self, told: Any) -> None:
        """Go on from what was kept; what cannot be read is told again."""
        if isinstance(told, dict):
            self.told = {str(code): str(problem) for code, problem in told.items()}

    def look(self, code: str, problem: str | None) -> None:
        """`problem`: what is damaged now; None when it is whole."""
        if self.told.get(code) == problem:
            return
        self.has_news = True
        if problem is None:
            del self.told[code]
            log.info("%s: whole again (%s)", self.component, code)
            return
        self.told[code] = problem
        log.warning("%s: %s", self.component, problem, extra={"code": code})
        self.report(Fault(at=self.clock.now(), component=self.component, code=code, text=problem))
