"""What the doctor says of one part, and how an examination becomes such a sentence whatever it ends with."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Overdue
from dataclasses import dataclass
from typing import Literal, TypeVar

from edge_mask.errors import ConfigurationError, EdgeMaskError, TryLater

T = TypeVar("T")

PATIENCE = 10.0
"""Seconds that a part may take to answer; what only this device works on may take as long as it needs."""


@dataclass(frozen=True, slots=True)
class Finding:
    """How one part is: `ok`, `warning` (the daemon runs all the same), or `failed`; `not here` is the usual reason."""

    part: str
    state: Literal["ok", "warning", "failed"]
    text: str


def guarded(
    part: str,
    missing: Literal["warning", "failed"],
    look_at: Callable[[], "str | Finding | Sequence[Finding]"],
    within: float | None = PATIENCE,
) -> Sequence[Finding]:
    """Run one examination in a thread of its own: whatever it ends with, or that it does not end, is a finding too."""
    try:
        found = _within(within, look_at)
    except Overdue:  # or a device's own idea of too late
        waited = "in time" if within is None else f"within {within:.0f} s"
        return [Finding(part, missing, f"not here: no answer {waited}")]
    except TryLater as error:
        return [Finding(part, missing, f"not here: {error}")]
    except ConfigurationError:  # a rule file: the caller has an exit code of its own for that
        raise
    except EdgeMaskError as error:
        return [Finding(part, "failed", str(error))]
    except OSError as error:
        return [Finding(part, missing, f"not here: {error.filename or 'it'}: {error.strerror or error}")]
    except Exception as error:  # noqa: BLE001 (the other parts are still to be examined)
        return [Finding(part, "failed", f"cannot be examined: {type(error).__name__}: {error}")]
    if isinstance(found, str):
        return [Finding(part, "ok", found)]
    return [found] if isinstance(found, Finding) else found


def _within(seconds: float | None, work: Callable[[], T]) -> T:
    done: Future[T] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 (handed over to the caller)
            done.set_exception(error)

    threading.Thread(target=run, daemon=True, name="doctor").start()
    return done.result(seconds)
