"""The command `snapshot`: a picture is kept on the device; it leaves only where `privacy.send_pictures` allows it."""

import base64
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Overdue
from pathlib import Path
from typing import Any, Final

from edge_mask.act.actions import Done, Result
from edge_mask.act.smaller import small_enough
from edge_mask.control.look import check_camera
from edge_mask.control.request import MOST_BYTES, Rejected, Request
from edge_mask.errors import TryLater
from edge_mask.rules.effects import KeepPicture

PATIENCE: Final = 10.0
"""Seconds until the picture is on the disk."""
LARGEST_SENT: Final = (MOST_BYTES - 2048) // 4 * 3
"""Bytes of a JPEG that fits into an answer in base64."""


class Snapshot:
    """Carries out `snapshot`."""

    def __init__(
        self,
        perform: Callable[[KeepPicture], "Future[Result]"],
        cameras: Mapping[str, object],
        folder: Path,
        *,
        sends_pictures: bool,
    ) -> None:
        self._perform = perform
        self._cameras = cameras
        self._folder = folder
        self._sends_pictures = sends_pictures

    def __call__(self, request: Request) -> dict[str, Any]:
        """Raises Rejected, TryLater, Refused."""
        camera = request.text("camera")
        if camera is None:
            raise Rejected("bad_request", "camera is missing: the name of one")
        check_camera(camera, self._cameras)
        reason = request.text("reason") or "command"
        try:
            result = self._perform(KeepPicture(rule="", camera=camera, reason=reason)).result(PATIENCE)
        except Overdue as error:
            raise TryLater(f"the picture was not written within {PATIENCE:g} s: the disk is slow or full") from error
        if not isinstance(result, Done) or result.snapshot is None:
            busy = not isinstance(result, Done) and result.code in ("dropped", "stopping")
            text = "no picture was kept" if isinstance(result, Done) else result.text
            raise Rejected("busy" if busy else "failed", text)
        answer: dict[str, Any] = {"snapshot": result.snapshot}
        if self._sends_pictures:
            answer["picture"] = base64.b64encode(small_enough(self._folder / result.snapshot, LARGEST_SENT)).decode()
        return answer
