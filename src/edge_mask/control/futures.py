"""Futures that are resolved already, or made from others."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

S = TypeVar("S")
T = TypeVar("T")


def done(result: T) -> "Future[T]":
    """It has happened."""
    future: Future[T] = Future()
    future.set_result(result)
    return future


def failed(error: Exception) -> "Future[Any]":
    """It has failed."""
    future: Future[Any] = Future()
    future.set_exception(error)
    return future


def mapped(future: "Future[S]", make: Callable[[S], T]) -> "Future[T]":
    """What `make` makes of the result, in the thread that resolves it; an error is passed on."""
    made: Future[T] = Future()
    made.set_running_or_notify_cancel()

    def pass_on(first: "Future[S]") -> None:
        try:
            made.set_result(make(first.result()))
        except Exception as error:  # noqa: BLE001 (whatever it is, it belongs to whoever asked)
            made.set_exception(error)

    future.add_done_callback(pass_on)
    return made


def but(future: "Future[S]", why: Callable[[BaseException], BaseException]) -> "Future[S]":
    """The same result; an error becomes what `why` makes of it. Cancelling it cancels the first, while that waits."""
    made: Future[S] = Future()

    def pass_on(first: "Future[S]") -> None:
        if first.cancelled():
            made.cancel()
        elif not made.set_running_or_notify_cancel():
            return
        elif (error := first.exception()) is not None:
            made.set_exception(why(error))
        else:
            made.set_result(first.result())

    def cancelled(_made: "Future[S]") -> None:
        if made.cancelled():
            future.cancel()

    made.add_done_callback(cancelled)
    future.add_done_callback(pass_on)
    return made
