"""The FrameSource protocol: what every camera driver does, and nothing more."""

from typing import Protocol

from edge_mask.messages import Frame


class EndOfSource(Exception):
    """A file or folder is exhausted; there will be no more frames."""


class FrameSource(Protocol):
    """A camera, a stream, a file or a folder of pictures. One thread owns it; `read` may block."""

    def open(self) -> None:
        """Make it ready. Raises TryLater when it is not there now, Refused when it never will be."""
        ...

    def read(self) -> Frame:
        """The next frame. Raises TryLater when the camera is lost, EndOfSource after the last frame."""
        ...

    def close(self) -> None:
        """Let go of the device; safe to call twice and when never opened."""
        ...
