"""The result for one part; every end of an examination becomes one, also an error or a timeout."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Overdue
from dataclasses import dataclass
from typing import Literal, TypeVar

from edge_mask.errors import ConfigurationError, EdgeMaskError, TryLater

T = TypeVar("T")

PATIENCE = 10.0
"""Timeout of a part in seconds; local work has none."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The state of one part: `ok`, `warning` (the daemon runs all the same), or `failed`, mostly `not here`."""

    part: str
    state: Literal["ok", "warning", "failed"]
    text: str


def guarded(
    part: str,
    missing: Literal["warning", "failed"],
    look_at: Callable[[], "str | Finding | Sequence[Finding]"],
    within: float | None = PATIENCE,
) -> Sequence[Finding]:
    """Run one examination in its own thread; an error or a timeout is a finding too."""
    try:
        found = _within(within, look_at)
    except Overdue:  # also when the device raises a timeout itself
        waited = "in time" if within is None else f"within {within:.0f} s"
        return [Finding(part, missing, f"not here: no answer {waited}")]
    except TryLater as error:
        return [Finding(part, missing, f"not here: {error}")]
    except ConfigurationError:  # a rule file: the caller has a special exit code for that
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
