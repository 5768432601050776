"""The command `infer`: what the model sees, in the next picture of a camera or in one that was sent along.

{"camera": "front"} ──▶ the camera looks now ──▶ vision ──▶ the faces of that frame
{"picture": BASE64} ──▶ decoded within bounds ──▶ the model, between two frames ──▶ faces; the picture is gone
"""

import base64
import binascii
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from edge_mask.control.request import Rejected, Request
from edge_mask.detect.detector import Answer
from edge_mask.errors import Refused, TryLater
from edge_mask.messages import INCORRECT, MASK, NO_MASK, Face, Image, Shot
from edge_mask.picture import load_picture
from edge_mask.picture_header import BROKEN, size_of
from edge_mask.runtime.clock import Clock
from edge_mask.units import Seconds
from edge_mask.wire.encode import face_fields

NOBODY: Final = "nobody"
MOST_PIXELS: Final = 24_000_000
"""Of a picture that is sent along; a decoder needs three bytes for each."""
PATIENCE: Final = 5.0
"""Seconds until a camera that was told to look has shown something new."""
TO_LOOK: Final = 10.0
"""Seconds until somebody whose picture waits is told to come again."""
_TICK: Final = Seconds(0.01)


class Model(Protocol):
    """The model of this house, for pictures from elsewhere."""

    @property
    def name(self) -> str: ...
    def look_between(self, image: Image) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Eyes:
    """What a house can look with."""

    cameras: Mapping[str, Callable[[], object]]
    """By name: makes the camera look without waiting for its interval."""
    newest: Callable[[str], Shot | None]
    inference_ms: Callable[[], float]
    """Of the last frame."""
    model: Callable[[], Model]
    """Loads it where there are no cameras. Raises ModelError."""


class Look:
    """Carries out `infer`; several at once, but one picture after the other."""

    def __init__(self, eyes: Eyes, clock: Clock) -> None:
        self._eyes = eyes
        self._clock = clock
        # Always the same thread: the C library would keep room for a large picture for each thread that ever held one.
        self._pictures = ThreadPoolExecutor(1, "picture")

    def __call__(self, request: Request) -> Mapping[str, Any]:
        """Raises Rejected, TryLater, ModelError."""
        camera, picture = request.text("camera"), request.text("picture")
        if request.picture is not None:
            return self._at_picture(request.picture)
        if (camera is None) == (picture is None):
            raise Rejected("bad_request", "give either camera, the name of one, or picture, a file in base64")
        return self._through(camera) if camera is not None else self._at_picture(_decoded(picture or ""))

    def at(self, data: bytes) -> "Future[Mapping[str, Any]]":
        """The same for a picture file of a guest, from any thread; never waits. Fails with an EdgeMaskError."""
        return self._pictures.submit(self._looked_at, data)

    def _looked_at(self, data: bytes) -> Mapping[str, Any]:
        model = self._eyes.model()
        faces, inference_ms = _faces_in(data, model)
        return self._said(faces, inference_ms, model.name)

    def _through(self, camera: str) -> dict[str, Any]:
        check_camera(camera, self._eyes.cameras)
        began = self._clock.now().mono
        self._eyes.cameras[camera]()
        never = threading.Event()
        while (seen := self._eyes.newest(camera)) is None or seen.frame.at.mono < began:
            if self._clock.now().mono - began > PATIENCE:
                text = f"the camera {camera} has shown nothing new for {PATIENCE:g} s; errors tell why, and status"
                raise TryLater(text)
            self._clock.wait(never, _TICK)
        said = self._said(seen.faces, self._eyes.inference_ms(), self._eyes.model().name)
        return {"camera": camera, "frame": seen.frame.number, **said}

    def _at_picture(self, data: bytes) -> Mapping[str, Any]:
        looked = self.at(data)
        try:
            return looked.result(TO_LOOK)
        except TimeoutError:
            looked.cancel()
            raise TryLater(f"the pictures before this one take longer than {TO_LOOK:g} s") from None

    def _said(self, faces: Sequence[Face], inference_ms: float, model: str) -> dict[str, Any]:
        counts = Counter(face.label for face in faces)
        return {
            "faces": [face_fields(face) for face in faces],
            "counts": {MASK: 0, NO_MASK: 0, INCORRECT: 0, **counts},
            "verdict": verdict_of(faces),
            "inference_ms": round(inference_ms, 2),
            "model": model,
        }


def verdict_of(faces: Sequence[Face]) -> str:
    """One word for all faces: one without a mask counts most, then one that wears it wrongly."""
    labels = {face.label for face in faces}
    return next((label for label in (NO_MASK, INCORRECT) if label in labels), MASK if faces else NOBODY)


def check_camera(camera: str, cameras: Mapping[str, object]) -> None:
    """Raises Rejected for a name that no camera has."""
    if camera not in cameras:
        there = ", ".join(cameras) or "none"
        raise Rejected("bad_request", f'there is no camera "{camera[:64]}"; there are: {there}')


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Rejected("bad_request", f"picture: is not base64 ({error})") from error


def _faces_in(data: bytes, model: Model) -> tuple[list[Face], float]:
    """The faces in pixels of the file, and how long the model took; the picture itself ends here."""
    _check_size(data)
    try:
        picture = load_picture(data)
    except Refused as error:
        raise Rejected("bad_request", str(error)) from error
    try:
        answer = model.look_between(picture.image)
    except TryLater as error:  # this house is being stopped, and the next one can do it
        raise Rejected("busy", str(error)) from error
    if answer.trouble:
        raise TryLater(f"{model.name}: {answer.trouble}")
    return [replace(face, box=picture.in_file(face.box)) for face in answer.faces], answer.inference_ms


def _check_size(data: bytes) -> None:
    """A small file may stand for more pixels than this device has memory for."""
    try:
        size = size_of(data)
    except BROKEN:
        return  # what reads it says so in a sentence
    if size is not None and size[0] * size[1] > MOST_PIXELS:
        text = f"the picture has {size[0]} x {size[1]} pixels; allowed: at most {MOST_PIXELS // 1_000_000} million"
        raise Rejected("too_large", text)
