"""Lines from a serial port, through pyserial; only this file knows the library.

port ──bytes──▶ Splitter ──lines──▶ check sum ──▶ each sensor's pattern ──▶ values
  ◀── ask, one sensor after the other
"""

import termios
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edge_mask.errors import Refused, TryLater
from edge_mask.runtime.clock import Clock
from edge_mask.sense.checksum import Checksum
from edge_mask.sense.feed import Crowd, Nonsense, Said, Utterance
from edge_mask.sense.lines import LONGEST, Dialect, Splitter, shown, text_of
from edge_mask.sense.port_errors import reason_of, why_not
from edge_mask.sql.errors import EvaluationError
from edge_mask.units import Moment, Seconds

_AT_ONCE: Final = 0.1
"""What comes within so many seconds after the opening may be the end of a line that began before."""
_NAP: Final = Seconds(0.02)
"""Bytes are read together that come within this time: 200 lines a second need 50 wake-ups, not 200."""
_ANSWERS_WITHIN: Final = 1.0
"""Seconds after which the next sensor is asked, although this one has not answered."""
_MOST_IDS: Final = 256
"""Names of sensors behind one port; noise that looks like ids must not make more."""
_TRIES: Final = 6
"""Each a second after the one before."""
_SLOW_IN_A_ROW: Final = 3
_PARITIES: Final = {"none": "N", "even": "E", "odd": "O", "mark": "M", "space": "S"}


@dataclass(frozen=True, slots=True)
class Wiring:
    """How the port is set."""

    path: str
    baud: int = 9600
    bytesize: int = 8
    parity: str = "none"
    stopbits: float = 1.0
    checksum: Checksum | None = None


class _OneTooMany(TryLater):
    """An id more than a port may have."""


class _TooSlow(TryLater):
    """A pattern that takes too long again and again: the port is closed for a while."""


class SerialPort:
    """A Feed of one port; opened at the first `listen`, and again after it was lost."""

    def __init__(self, wiring: Wiring, dialects: Sequence[Dialect], *, clock: Clock) -> None:
        self._wiring = wiring
        self._dialects = {dialect.sensor: dialect for dialect in dialects}
        self._clock = clock
        self._nap = threading.Event()
        self._port: Any = None
        self._splitter = Splitter(in_the_middle=False)
        self._opened_at = 0.0
        self._is_fresh = True
        self._asks = {dialect.sensor: 0.0 for dialect in dialects if dialect.ask}
        self._asked = ""
        self._asked_at = 0.0
        self._names: set[str] = set()
        self._slow = 0
        self._file: tuple[int, ...] | None = None
        """The port's file at the last look; None while there is none."""
        self._tries = 0

    @property
    def name(self) -> str:
        return self._wiring.path

    def listen(self, timeout: Seconds) -> Sequence[Utterance]:
        if self._port is None:
            self._open()
        try:
            self._ask()
            data = self._read(min(timeout, self._until_next_question()))
        except (OSError, TypeError, termios.error) as error:  # TypeError: closed under a read, as pyserial sees it
            self.close()
            raise TryLater(f"{self.name}: was unplugged ({reason_of(error)})") from error
        return self._heard(data, self._clock.now()) if data else ()

    def may_be_back(self) -> bool:
        """True for the first tries after the port's file has come, or has got other rights: udev takes a moment."""
        found = self._looked_up()
        if found != self._file:
            self._file, self._tries = found, _TRIES
        self._tries -= found is not None and self._tries > 0
        return found is not None and self._tries > 0

    def wake(self) -> None:
        self._nap.set()
        port = self._port
        if port is not None:
            with suppress(OSError, TypeError, AttributeError):  # closed meanwhile: nobody waits in it
                port.cancel_read()

    def close(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            with suppress(OSError, termios.error):  # an unplugged device cannot be closed properly
                port.close()

    # -- the port ------------------------------------------------------------------------------------------

    def _open(self) -> None:
        """Raises Refused when the library is missing, or the port cannot be set so."""
        try:
            import serial
        except ModuleNotFoundError as error:
            raise Refused("a sensor of kind serial needs a package: pip install 'edge-mask[serial]'") from error
        wiring = self._wiring
        self._file = self._looked_up() if self._tries == 0 else self._file
        try:
            self._port = serial.Serial(
                wiring.path,
                wiring.baud,
                bytesize=wiring.bytesize,
                parity=_PARITIES[wiring.parity],
                stopbits=wiring.stopbits,
                timeout=1.0,
                write_timeout=1.0,
                exclusive=True,
            )
        except (ValueError, NotImplementedError) as error:
            raise Refused(f"{self.name}: cannot be set to {wiring.baud} baud or the like ({error})") from error
        except (OSError, termios.error) as error:
            raise TryLater(f"{self.name}: {why_not(error)}") from error
        self._opened_at = self._clock.now().mono
        self._splitter = Splitter(in_the_middle=False)
        self._is_fresh = True
        self._asks = dict.fromkeys(self._asks, self._opened_at)
        self._asked = ""

    def _looked_up(self) -> tuple[int, ...] | None:
        try:
            found = Path(self._wiring.path).stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino, found.st_rdev, found.st_mode, found.st_gid

    def _read(self, timeout: float) -> bytes:
        """What comes within `timeout`, and what follows it closely."""
        self._port.timeout = max(0.0, timeout)
        first: bytes = self._port.read(1)
        if not first:
            return b""
        self._clock.wait(self._nap, _NAP)
        waiting = self._port.in_waiting
        rest: bytes = self._port.read(waiting) if waiting else b""
        if self._is_fresh:
            self._is_fresh = False
            early = not self._asks and self._clock.now().mono - self._opened_at - _NAP < _AT_ONCE
            self._splitter = Splitter(in_the_middle=early)
        return first + rest

    # -- questions -----------------------------------------------------------------------------------------

    def _ask(self) -> None:
        """Put the next question, unless an answer is still awaited."""
        now = self._clock.now().mono
        if not self._asks or (self._asked and now - self._asked_at < _ANSWERS_WITHIN):
            return
        name = min(self._asks, key=self._asks.__getitem__)
        if self._asks[name] > now:
            return
        self._port.write(self._dialects[name].ask)
        self._asked, self._asked_at = name, now
        self._asks[name] = max(now, self._asks[name] + self._dialects[name].interval)

    def _until_next_question(self) -> float:
        if not self._asks:
            return float("inf")
        now = self._clock.now().mono
        due = min(self._asks.values())
        return max(0.01, (max(due, self._asked_at + _ANSWERS_WITHIN) if self._asked else due) - now)

    # -- lines ---------------------------------------------------------------------------------------------

    def _heard(self, data: bytes, at: Moment) -> list[Utterance]:
        lines, too_long = self._splitter.feed(data)
        heard: list[Utterance] = []
        if too_long:
            reason = f"a line did not end within {LONGEST} bytes; are baud, bytesize and parity right?"
            heard += [Nonsense(name, reason) for name in self._concerned()]
        for line in lines:
            heard += self._understood(line, at)
        return heard

    def _concerned(self) -> list[str]:
        """Whom a line may be from: those who speak by themselves, and the one who was asked."""
        return [name for name in self._dialects if name not in self._asks or name == self._asked]

    def _understood(self, line: bytes, at: Moment) -> list[Utterance]:
        concerned = self._concerned()
        try:
            text = text_of(line, self._wiring.checksum)
        except TryLater as error:
            return [Nonsense(name, str(error)) for name in concerned]
        heard: list[Utterance] = []
        for name in concerned:
            try:
                found = self._values(self._dialects[name], text, at)
            except _TooSlow:
                raise
            except _OneTooMany as error:
                found = [Crowd(name, str(error))]
            except TryLater as error:
                found = [Nonsense(name, f"in the line {shown(line)}: {error}")]
            if found and name == self._asked:
                self._asked = ""
            heard += found
        return heard or [Nonsense(name, f"the line {shown(line)} does not fit the pattern") for name in concerned]

    def _values(self, dialect: Dialect, text: str, at: Moment) -> list[Utterance]:
        try:
            found = dialect.values(text)
        except EvaluationError as error:
            self._slow += 1
            if self._slow >= _SLOW_IN_A_ROW:
                self._slow = 0
                self.close()
                raise _TooSlow(f"{self.name}: {error}; the port is opened again later, simplify the pattern") from error
            raise TryLater(str(error)) from error
        self._slow = 0
        if found is None:
            return []
        name, values = found
        if name not in self._names:
            if len(self._names) >= _MOST_IDS:
                raise _OneTooMany(f"{name} would be one more than the {_MOST_IDS} ids that {self.name} may have")
            self._names.add(name)
        return [Said(dialect.sensor, identity.reading_at(value, identity.unit, at)) for identity, value in values]
