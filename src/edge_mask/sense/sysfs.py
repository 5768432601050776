"""Small text files that the kernel answers; shared by the drivers that read sysfs."""

from pathlib import Path

from edge_mask.errors import TryLater

SYSFS = Path("/sys")


def text_of(path: Path) -> str:
    """The file's text without surrounding blanks. Raises TryLater with a sentence."""
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError as error:
        raise TryLater(f"{path}: is not there; is the sensor connected?") from error
    except OSError as error:  # EIO from a bus that lost its device, EAGAIN from one that is busy
        raise TryLater(f"{path}: cannot be read ({error.strerror})") from error
