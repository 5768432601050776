"""What is wrong with a serial port, in sentences."""

import errno
import os


def why_not(error: Exception) -> str:
    """Why a port cannot be opened."""
    match _number_of(error):
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            return "is not there; `ls /dev/serial/by-id` shows the ports"
        case errno.EACCES | errno.EPERM:
            return "may not be opened; add the daemon's user to the group dialout"
        case errno.EAGAIN | errno.EBUSY:
            return "is used by another program, perhaps a running daemon"
        case errno.ENOTTY | errno.EINVAL | errno.EISDIR:
            return "is no serial port"
    return f"cannot be opened ({reason_of(error)})"


def reason_of(error: Exception) -> str:
    """In the kernel's words, where it has said something."""
    number = _number_of(error)
    return str(error) if number is None else os.strerror(number)


def _number_of(error: BaseException | None) -> int | None:
    """The kernel's error number; pyserial hides it in its text, or behind its own exception."""
    if error is None:
        return None
    number = getattr(error, "errno", None) or (error.args[0] if error.args else None)
    return number if isinstance(number, int) else _number_of(error.__context__)
