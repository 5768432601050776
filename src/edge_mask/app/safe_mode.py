"""The program with a broken configuration: it serves one page, which says what is wrong, until the file is right.

run ──broken──▶ SafeMode: page ◀── looked at when the file changes, at SIGHUP, and each minute
 ▲                  │right again             │SIGTERM
 └──────────────────┘                        └──▶ exit code 2
"""

import logging
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final, Literal

from edge_mask.errors import ConfigurationError
from edge_mask.ledger.reader import Reader
from edge_mask.observe.notify import SystemdNotifier
from edge_mask.redact import redact
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.worker import Worker
from edge_mask.settings import last_good
from edge_mask.settings.remains import Remains, remains

if TYPE_CHECKING:
    from edge_mask.web.door import Door
    from edge_mask.web.safe_mode import Broken

log = logging.getLogger(__name__)

_TICK: Final = 1.0
"""Seconds between two looks at the file's state."""
_ANYHOW: Final = 60.0
"""Seconds until it is read again though it did not change: a file that it names may have."""
Word = Literal["stop", "look"]


class SafeMode:
    """One stay in it."""

    def __init__(
        self,
        file: Path,
        environ: Mapping[str, str],
        clock: Clock,
        notifier: SystemdNotifier,
        check: Callable[[], object],
    ) -> None:
        """`check` raises ConfigurationError while the configuration is broken."""
        self._file = file
        self._environ = environ
        self._clock = clock
        self._notifier = notifier
        self._check = check
        self._words: SimpleQueue[Word] = SimpleQueue()
        self._problems: tuple[str, ...] = ()
        self._since = clock.now()

    def stay(self, error: ConfigurationError, until: float | None) -> bool:
        """True once the configuration is right; False when told to stop, or at `until`. Raises `error` where no page is
        wanted, or nobody could log in."""
        found = remains(self._file, self._environ)
        if not found.is_wanted:
            raise error
        from edge_mask.web.accounts.accounts import Accounts
        from edge_mask.web.door import Door

        door = Door(Accounts(found.settings.outbox.path.resolve(), self._clock), found.settings.web.port)
        if why := door.accounts.trouble():
            log.warning("safe mode has no page: %s", why)
            raise error
        self._tell(error)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: self._words.put("stop"))
        signal.signal(signal.SIGHUP, lambda _number, _frame: self._words.put("look"))
        return self._serve(found, door, until)

    def _serve(self, found: Remains, door: "Door", until: float | None) -> bool:
        from edge_mask.web.address import Address
        from edge_mask.web.listener import Listener
        from edge_mask.web.safe_mode import safe_front
        from edge_mask.web.server import WebServer
        from edge_mask.web.site import Site

        web, tls = found.settings.web, found.settings.web.tls
        site = Site(
            settings=found.settings,
            clock=self._clock,
            reader=Reader(found.settings.outbox.path),
            accounts=door,
            is_safe_mode=True,
        )
        listener = Listener()
        address = Address(web.host, web.port, None if tls is None else tls.cert, None if tls is None else tls.key)
        server = WebServer(
            listener, address, safe_front(site, self.broken), lambda _fault: None, self._clock,
            is_allowed=str, advice=tuple, upkeep=door.keep,
        )  # fmt: skip
        worker = Worker(server, self._clock, lambda _worker: self._words.put("stop"))
        worker.start()
        self._notifier.ready(f"safe mode: {self._problems[0]}")
        try:
            return self._watch(until)
        finally:
            worker.request_stop()
            worker.join(1.0)
            listener.close()

    def _watch(self, until: float | None) -> bool:
        seen, read_at = self._state(), self._clock.now().mono
        while True:
            word = self._word()
            now = self._clock.now().mono
            self._notifier.watchdog()
            if word == "stop" or (until is not None and now >= until):
                return False
            state = self._state()
            if word is None and state == seen and now - read_at < _ANYHOW:
                continue
            seen, read_at = state, now
            try:
                self._check()
            except ConfigurationError as error:
                self._tell(error)
            else:
                log.info("safe mode: the configuration is right, and is taken over")
                self._notifier.status("in force again after safe mode")
                return True

    def _word(self) -> Word | None:
        try:
            return self._words.get(timeout=_TICK)
        except Empty:
            return None

    def _state(self) -> tuple[int, int, int] | None:
        """What changes with the file."""
        try:
            state = self._file.stat()
        except OSError:
            return None
        return state.st_mtime_ns, state.st_size, state.st_ino

    def _tell(self, error: ConfigurationError) -> None:
        problems = tuple(redact(each) for each in error.problems)
        if problems != self._problems:
            self._problems = problems
            for each in problems:
                log.error("safe mode: %s", each)
            self._notifier.status(f"safe mode: {problems[0]}")

    def broken(self) -> "Broken":
        """What the page shows; read anew, since somebody may be at work on the file."""
        from edge_mask.web.safe_mode import Broken

        found = remains(self._file, self._environ)
        good = last_good.read(found.settings.outbox.path)
        changes = [] if good is None or found.raw is None else last_good.changes(good, found.raw)
        return Broken(str(self._file), self._problems, self._since.wall, last_good.as_yaml(good), changes)
