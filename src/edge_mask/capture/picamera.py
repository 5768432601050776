"""The Raspberry Pi's own camera through picamera2; the only file that knows it, imported when it is opened."""

from typing import Any

from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Frame
from edge_mask.runtime.clock import Clock
from edge_mask.units import Seconds

_MISSING = (
    "picamera2 cannot be imported: install it with `sudo apt install python3-picamera2`"
    " and make the environment with `--system-site-packages`"
)


class PiCamera:
    """Camera `index` of the board; `read` gives the newest frame and waits at most `timeout` for it."""

    def __init__(
        self,
        index: int = 0,
        *,
        camera: str,
        clock: Clock,
        size: tuple[int, int] = (1280, 720),
        timeout: Seconds = Seconds(5.0),
    ) -> None:
        self._index = index
        self._camera = camera
        self._clock = clock
        self._size = size
        self._timeout = timeout
        self._device: Any = None
        self._number = 0

    def open(self) -> None:
        self.close()
        try:
            from picamera2 import Picamera2
        except ImportError as error:  # this camera never will be; the others go on
            raise Refused(_MISSING) from error
        try:
            device = Picamera2(self._index)
        except (IndexError, RuntimeError) as error:  # no such camera; in use by another process
            raise TryLater(
                f"picamera2:{self._index}: cannot be opened ({error}); check cable and other users"
            ) from error
        self._device = device
        try:
            # What picamera2 calls RGB888 lies in memory as blue, green, red: OpenCV's order.
            device.configure(device.create_video_configuration(main={"size": self._size, "format": "RGB888"}))
            device.start()
        except RuntimeError as error:
            self.close()
            raise TryLater(f"picamera2:{self._index}: cannot be started ({error})") from error

    def read(self) -> Frame:
        image = self._wait_for("capture_array")
        at = self._clock.now()
        self._number += 1
        return Frame(self._camera, self._number, image[:, :, :3], at)

    def skip(self) -> bool:
        self._wait_for("capture_metadata")
        self._number += 1
        return True

    def close(self) -> None:
        if self._device is not None:
            device, self._device = self._device, None
            device.close()

    def _wait_for(self, job: str) -> Any:
        """The result of a picamera2 job; its plain calls would wait for ever on a loose cable."""
        if self._device is None:
            raise TryLater(f"picamera2:{self._index}: is not open")
        try:
            return getattr(self._device, job)(wait=False).get_result(timeout=self._timeout)
        except TimeoutError as error:
            raise TryLater(
                f"picamera2:{self._index}: no picture within {self._timeout:g} s; check the cable"
            ) from error
        except RuntimeError as error:
            raise TryLater(f"picamera2:{self._index}: {error}") from error
