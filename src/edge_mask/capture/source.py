"""The FrameSource protocol: what every camera driver does, and nothing more."""

from typing import Protocol

from edge_mask.messages import Frame


class EndOfSource(Exception):
    """A file or folder is exhausted; its text, when there is one, says what was missing from it."""


class FrameSource(Protocol):
    """A camera, a stream, a file or a folder of pictures. One thread owns it; `read` and `skip` may block."""

    def open(self) -> None:
        """Make it ready. Raises TryLater when it is not there now, Refused when it never will be."""
        ...

    def read(self) -> Frame:
        """The next frame; numbers count up, over reopening too.

        Raises TryLater when the camera is lost, Refused when this one picture cannot be read (the next
        read goes on after it), EndOfSource after the last frame.
        """
        ...

    def skip(self) -> bool:
        """Let about one frame of a live camera go by, as cheaply as it can: what waits in its queue grows old.

        False where nothing waits and nothing grows old: a file, a folder, a camera that is asked for each picture.
        Raises TryLater when the camera is lost.
        """
        ...

    def close(self) -> None:
        """Let go of the device; safe to call twice and when never opened."""
        ...
