"""When criteria and models are learned anew, and the process that does it.

One process at a time, for all series that are due. One that fails or is killed leaves what was learned before; that is
told once, and it is tried again the next day.
"""

import logging
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from edge_mask.app.series.folder import SeriesFolder, unusable
from edge_mask.app.series.learning import Lesson
from edge_mask.app.series.learning_process import answer_of, start, words
from edge_mask.app.series.watched import Watched
from edge_mask.errors import Refused
from edge_mask.messages import Fault
from edge_mask.redact import legible
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Outage
from edge_mask.series.model import Model
from edge_mask.settings.model import Settings
from edge_mask.units import Moment

log = logging.getLogger(__name__)

_LOOKS_EACH: Final = 3600.0
_AGAIN: Final = 86400.0
"""Seconds until what could not be learned is tried again."""
_WEEK: Final = 7 * 86400.0
_ENOUGH: Final = 28
"""Days that a model knows."""
_PATIENCE: Final = 1800.0
"""Seconds of the process; on a small device with many series it takes minutes."""


class Upkeep:
    """The worker's thread uses it."""

    def __init__(self, settings: Settings, clock: Clock, report: Callable[[Fault], None]) -> None:
        kept = settings.kept_series
        assert kept is not None
        self._database = settings.outbox.path
        self._relearn, self._retrain = float(kept.relearn), float(kept.retrain)
        self._trouble = Outage("series", log, report, clock)
        self._no_folder = Outage("series", log, report, clock, what="its folder")
        self._next = clock.now().mono + _LOOKS_EACH / 6
        """On the monotonic clock; not in the first minutes, which have other work."""
        self._tried: dict[Path, float] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None
        self._started = 0.0

    def look(self, series: Sequence[Watched], now: Moment) -> None:
        """See to the process; start one when something is due."""
        if self._process is not None:
            self._see_to(self._process, now)
        elif now.mono >= self._next:
            self._next = now.mono + _LOOKS_EACH
            if (problem := unusable(self._database)) is not None:
                self._no_folder.begin("series_folder_unusable", problem)
                return
            self._no_folder.end()
            if lessons := [lesson for each in series if (lesson := self._due(each, now)) is not None]:
                self._start(lessons, now)

    def end(self) -> None:
        """Nobody waits for what it learns: the next run begins anew."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._forget()

    def _due(self, watched: Watched, now: Moment) -> Lesson | None:
        site, folder = watched.site, watched.folder
        if not site.kinds or now.mono - self._tried.get(folder.path, float("-inf")) < _AGAIN:
            return None
        criteria = now.wall - _made(folder) >= self._relearn
        model = "forecast" in site.kinds and self._is_old(watched.model, now.wall)
        if not criteria and not model:
            return None
        return Lesson(database=self._database, site=site, criteria=criteria, model=model, at=now.wall)

    def _is_old(self, model: Model | None, now: float) -> bool:
        """What knows a few weeks only is made anew each week."""
        if model is None:
            return True
        age = now - model.learned_from[1]
        return age >= (self._retrain if model.days >= _ENOUGH else min(self._retrain, _WEEK))

    def _start(self, lessons: Sequence[Lesson], now: Moment) -> None:
        output = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        try:
            process = start(lessons, output, subprocess.STDOUT)
        except OSError as error:
            output.close()
            self._trouble.begin("series_not_learned", f"the process that learns cannot be started: {error}")
            return
        self._process, self._output, self._started = process, output, now.mono
        for lesson in lessons:
            self._tried[SeriesFolder(lesson.database, lesson.site).path] = now.mono

    def _see_to(self, process: "subprocess.Popen[bytes]", now: Moment) -> None:
        code = process.poll()
        if code is None and now.mono - self._started < _PATIENCE:
            return
        if code is None:
            process.kill()
            process.wait()
        self._tell(code)
        self._forget()

    def _tell(self, code: int | None) -> None:
        """What it learned, in the log; that it failed, once."""
        assert self._output is not None
        self._output.seek(0)
        said = legible(self._output.read().decode(errors="replace")).strip().splitlines()
        failed: list[str] = []
        for line in said:
            if (told := answer_of(line)) is None:
                continue
            for sentence in words(told):
                log.info("series: %s", sentence)
            failed += words(told) if "failed" in told else ()
        if code == 0:
            self._trouble.end()
            return
        if code is not None and failed:
            why = "; ".join(failed)
        else:
            last = f": {said[-1]}" if said and answer_of(said[-1]) is None else ""
            how = f"was ended after {_PATIENCE:g} s" if code is None else f"ended with {code}"
            why = f"the process that learns {how}{last}"
        self._trouble.begin("series_not_learned", f"{why}; what was learned before stays")

    def _forget(self) -> None:
        if self._output is not None:
            self._output.close()
        self._process = self._output = None


def _made(folder: SeriesFolder) -> float:
    """When criteria were last learned, in Unix seconds, whichever are in force; 0 before the first time."""
    with suppress(Refused):
        return folder.criteria(max(folder.versions(), default=0)).made or 0.0
    return 0.0
