"""What the nucleus answers when it does not do what it was asked, named by what to do next."""

from edge_mask.errors import EdgeMaskError, Refused, TryLater


class NoConnection(TryLater):
    """The request was not sent, or its answer was lost with the connection."""


class NotNow(TryLater):
    """The nucleus answered with an error of its own; nucleus lite says so too for what it does not know."""


class NotAllowed(Refused):
    """The component's accessControl does not allow it."""


def translated(error: BaseException, what: str) -> EdgeMaskError:
    """Our error for one of the library; `what` is the operation."""
    if isinstance(error, EdgeMaskError):
        return error
    name = type(error).__name__
    said = str(getattr(error, "message", None) or "").strip()
    reason = f"{what}: the nucleus said {name}{f' ({said})' if said else ''}"
    if name == "UnauthorizedError":
        return NotAllowed(f"{reason}: the component's accessControl does not allow it")
    if name in ("InvalidArgumentsError", "ResourceNotFoundError", "ConflictError", "FailedUpdateConditionCheckError"):
        return Refused(reason)
    if name in ("ConnectionClosedError", "StreamClosedError", "EventStreamError"):
        return NoConnection(f"{what}: the connection to the nucleus was lost")
    if name == "SerializeError":
        return Refused(f"{what}: the request cannot be put into JSON")
    return NotNow(reason if name == "ServiceError" else f"{what}: {name}: {error}")
