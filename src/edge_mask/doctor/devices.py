"""Opens cameras and outputs once and judges them by the daemon's own limits."""

from contextlib import suppress

from edge_mask.act.line import line_for
from edge_mask.app.drivers import source_of, sysfs_root
from edge_mask.capture.content import Content, ContentPolicy, ContentWatch
from edge_mask.capture.factory import is_live
from edge_mask.capture.source import EndOfSource, FrameSource
from edge_mask.doctor.finding import Finding
from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Frame
from edge_mask.runtime.clock import SystemClock
from edge_mask.settings.actuators import OutputSettings
from edge_mask.settings.cameras import Camera

_BAD_PICTURES = 20
"""Most files in a row that are skipped because they are no picture."""
_BLACK_PICTURES = 20
"""Frames that are tried: a camera starts with black ones, and a film fades in."""


def camera(settings: Camera) -> Finding:
    """Whether it gives a usable picture. The daemon skips black ones."""
    source = source_of(settings, SystemClock())
    try:
        source.open()
        frame, content = _seen(source, ContentWatch(ContentPolicy(), is_live=is_live(settings.source)))
    except Refused as error:  # its driver or file is missing: for the user, the camera is not here
        raise TryLater(str(error)) from error
    except EndOfSource as error:
        raise TryLater(f"{settings.shown_source} holds no picture") from error
    finally:
        source.close()
    height, width = frame.image.shape[:2]
    text = f"{settings.shown_source}: a picture of {width} x {height}"
    if content is Content.FINE:
        return Finding(f"camera {settings.name}", "ok", text)
    black = "but it is black: nothing is judged on it; is the lens covered, or the light off?"
    return Finding(f"camera {settings.name}", "warning", f"{text}, {black}")


def _seen(source: FrameSource, watch: ContentWatch) -> tuple[Frame, Content]:
    """The first picture that is not black, or the last one that was tried."""
    frame = _next_picture(source)
    for _ in range(_BLACK_PICTURES):
        content = watch.judge(frame.image, frame.at.mono)
        if content is Content.FINE:
            break
        try:
            frame = _next_picture(source)
        except EndOfSource:
            break
    return frame, content


def _next_picture(source: FrameSource) -> Frame:
    """The next file or frame that is a picture. The daemon skips the others, too."""
    for _ in range(_BAD_PICTURES):
        with suppress(Refused):
            return source.read()
    return source.read()


def output(settings: OutputSettings) -> str:
    """Where its line is; nothing is switched."""
    line = line_for(
        settings.kind, path=settings.path, chip=settings.chip, line=settings.line, active_low=settings.active_low,
        sysfs=sysfs_root(),
    )  # fmt: skip
    try:
        return line.look()
    except Refused as error:  # the daemon runs all the same and tries again at each use
        raise TryLater(str(error)) from error
