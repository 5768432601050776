"""Work in a thread of its own that belongs to no house: it may take longer than a house may take to stop."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def apart(name: str, work: Callable[[], T]) -> "Future[T]":
    """Begin `work`; what it returns or raises is the future's. The end of the process ends it anywhere."""
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            future.set_result(work())
        except Exception as error:  # noqa: BLE001 (whatever it is, it belongs to whoever asked)
            future.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future
