"""A stand-in for picamera2 on machines that have no such camera: only the calls that the driver makes.

It answers as the library's own documentation says: jobs asked for with `wait=False` have `get_result(timeout)`.
What no stand-in can show (real buffers, libcamera's own faults) is not tested.
"""

from concurrent.futures import Future
from typing import Any

import numpy as np


class Job:
    """The result that a camera promises."""

    def __init__(self) -> None:
        self._future: Future[Any] = Future()

    def set_result(self, result: Any) -> None:
        self._future.set_result(result)

    def get_result(self, timeout: float | None = None) -> Any:
        return self._future.result(timeout)


class Picamera2:
    """Camera 0 exists; `is_connected` is its cable."""

    is_connected = True
    open_cameras: list["Picamera2"] = []  # noqa: RUF012 (the one camera of the board, as the library has it)

    def __init__(self, camera_num: int = 0) -> None:
        if camera_num != 0:
            raise IndexError("list index out of range")
        if self.open_cameras:
            raise RuntimeError("Camera __init__ sequence did not complete.")
        self.open_cameras.append(self)
        self.configuration: dict[str, Any] = {}
        self.is_started = False
        self._frame = 0

    def create_video_configuration(self, main: dict[str, Any]) -> dict[str, Any]:
        return {"main": main}

    def configure(self, configuration: dict[str, Any]) -> None:
        self.configuration = configuration

    def start(self) -> None:
        self.is_started = True

    def capture_array(self, name: str = "main", wait: bool = True) -> Job:
        width, height = self.configuration[name]["size"]
        assert self.configuration[name]["format"] == "RGB888"
        return self._job(np.full((height, width, 3), self._frame + 40, np.uint8), wait)

    def capture_metadata(self, wait: bool = True) -> Job:
        return self._job({"SensorTimestamp": self._frame}, wait)

    def close(self) -> None:
        self.open_cameras.remove(self)

    def _job(self, result: Any, wait: bool) -> Job:
        assert self.is_started
        assert not wait, "a plain call would hang for ever on a loose cable"
        job = Job()
        if self.is_connected:
            self._frame += 1
            job.set_result(result)
        return job
