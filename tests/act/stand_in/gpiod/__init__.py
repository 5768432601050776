"""Stands in for libgpiod's Python package (version 2): the calls that a line needs, with that package's signatures and
errors. `boards` is the hardware: what is wired to each chip, and the electrical level of each line."""

import errno
import os
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Self

from gpiod.line import Bias, Clock, Direction, Edge, Value

__version__ = "2.2.0"


@dataclass
class Board:
    """What is behind one chip: its lines' names, the electrical levels each was set to in turn, who holds it."""

    names: list[str]
    levels: dict[int, list[int]] = field(default_factory=dict)
    consumers: dict[int, str] = field(default_factory=dict)
    is_broken: bool = False
    requests: dict[int, "LineRequest"] = field(default_factory=dict)
    settings: dict[int, "LineSettings"] = field(default_factory=dict)
    """As each line was asked for last."""

    def drive(self, line: int, level: int, at_ns: int | None = None) -> None:
        """The outside world sets an input's electrical level."""
        self.levels.setdefault(line, []).append(level)
        if (request := self.requests.get(line)) is not None:
            request.changed(level, time.monotonic_ns() if at_ns is None else at_ns)

    def fail(self) -> None:
        """The chip is pulled out."""
        self.is_broken = True
        for request in self.requests.values():
            request.changed(None, 0)


boards: dict[str, Board] = {}


@dataclass
class LineSettings:
    direction: Direction = Direction.AS_IS
    edge_detection: Edge = Edge.NONE
    bias: Bias = Bias.AS_IS
    active_low: bool = False
    debounce_period: timedelta = timedelta()
    event_clock: Clock = Clock.MONOTONIC
    output_value: Value = Value.INACTIVE


@dataclass(frozen=True)
class EdgeEvent:
    class Type(Enum):
        RISING_EDGE = 1
        FALLING_EDGE = 2

    event_type: Type
    timestamp_ns: int
    line_offset: int


@dataclass
class LineInfo:
    offset: int
    name: str
    used: bool
    consumer: str


class RequestReleasedError(Exception):
    def __init__(self) -> None:
        super().__init__("GPIO lines have been released")


class LineRequest:
    def __init__(self, board: Board, offset: int, line: int | str, settings: LineSettings) -> None:
        self._board = board
        self._offset = offset
        self._line = line
        self._settings = settings
        self._is_live = True
        self._events: list[EdgeEvent] = []
        self._has_events = threading.Condition()
        board.requests[offset] = self
        board.settings[offset] = settings

    def changed(self, level: int | None, at_ns: int) -> None:
        """Stands for the kernel: a rising edge is the begin of the logical value 1."""
        is_active = bool(level) is not self._settings.active_low
        kind = EdgeEvent.Type.RISING_EDGE if is_active else EdgeEvent.Type.FALLING_EDGE
        with self._has_events:
            self._events.append(EdgeEvent(kind, at_ns, self._offset))
            self._has_events.notify()

    def wait_edge_events(self, timeout: timedelta | float | None = None) -> bool:
        if not self._is_live:
            raise RequestReleasedError
        seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
        with self._has_events:
            return self._has_events.wait_for(lambda: bool(self._events), seconds)

    def read_edge_events(self, max_events: int | None = None) -> list[EdgeEvent]:
        if self._board.is_broken:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        with self._has_events:
            taken, self._events = self._events[: max_events or 64], self._events[max_events or 64 :]
        return taken

    def get_value(self, line: int | str) -> Value:
        if line not in (self._line, self._offset):
            raise ValueError(f"unknown line name: {line}")
        level = self._board.levels.get(self._offset, [0])[-1]
        return Value.ACTIVE if bool(level) is not self._settings.active_low else Value.INACTIVE

    def set_value(self, line: int | str, value: Value) -> None:
        if not self._is_live:
            raise RequestReleasedError
        if line not in (self._line, self._offset):
            raise ValueError(f"unknown line name: {line}")
        if self._board.is_broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        level = (value is Value.ACTIVE) is not self._settings.active_low
        self._board.levels.setdefault(self._offset, []).append(int(level))

    def release(self) -> None:
        self._is_live = False
        self._board.requests.pop(self._offset, None)
        self._board.consumers.pop(self._offset, None)


class Chip:
    def __init__(self, path: str) -> None:
        if path not in boards:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        self._board: Board | None = boards[path]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._board = None

    def get_line_info(self, line: int | str) -> LineInfo:
        assert self._board is not None, "the chip is closed"
        offset = _offset(self._board, line)
        consumer = self._board.consumers.get(offset)
        return LineInfo(offset, self._board.names[offset], consumer is not None, consumer or "")

    def request_lines(
        self,
        config: dict[Iterable[int | str] | int | str, LineSettings | None],
        consumer: str | None = None,
        event_buffer_size: int | None = None,
        output_values: dict[int | str, Value] | None = None,
    ) -> LineRequest:
        assert self._board is not None, "the chip is closed"
        board = self._board
        ((line, settings),) = config.items()
        assert isinstance(line, int | str)
        offset = _offset(board, line)
        if offset in board.consumers:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        settings = settings or LineSettings()
        request = LineRequest(board, offset, line, settings)
        if settings.direction is Direction.OUTPUT:
            request.set_value(line, settings.output_value)
        board.consumers[offset] = consumer or "?"
        return request


def request_lines(*args: object, **named: object) -> LineRequest:
    raise NotImplementedError("the package has it; nothing here uses it")


def _offset(board: Board, line: int | str) -> int:
    if isinstance(line, str):
        if line in board.names:
            return board.names.index(line)
        if not line.isdigit():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    if int(line) >= len(board.names):
        raise ValueError("line offset of out range")
    return int(line)
