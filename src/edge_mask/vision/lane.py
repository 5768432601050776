"""The vision worker: a frame in, events out. Read this first.

    Tray ──frame──▶ detect ──faces──▶ track ──tracks──▶ decide ──events──▶ Mailbox (waits)

Three plain calls in one thread, because each needs the answer of the one before it. Several lanes, each with a detector
of its own, detect side by side; they track and decide one after the other, in the order in which they took the frames.
The tray before them may replace frames. The mailbox behind them never drops an event.
"""

import threading

from edge_mask.detect.detector import Detector
from edge_mask.messages import Frame
from edge_mask.runtime.handoff import Tray
from edge_mask.runtime.worker import Finished, Job
from edge_mask.units import Seconds
from edge_mask.vision.shared import Vision

_TURN = 0.5
"""Seconds without a frame until it is looked whether somebody has gone."""
_LEAVES = 0.5
"""Seconds for which a lane whose model gives no answer takes no frame, where others could look."""


class Lane(Job):
    """Takes frames and looks at them with the detector that it owns."""

    patience = Seconds(60.0)
    group = "vision"

    def __init__(self, vision: Vision, frames: Tray[Frame], detector: Detector, number: int = 0) -> None:
        self.name = f"vision {number + 1}" if number else "vision"
        self._vision = vision
        self._frames = frames
        self._detector = detector

    def begin(self) -> None:
        self._vision.enter()

    def step(self, stop: threading.Event) -> None:
        """One frame through the house."""
        if self._frames.is_closed:
            raise Finished
        taken = self._frames.take(_TURN)
        if taken is None:
            self._vision.rest()
            return
        number, frame = taken
        with self._vision.turns.kept(number) as come:  # later frames wait for this one, whatever becomes of it
            answer = self._detector.look(frame.image)
            come()
            self._vision.judge(number, frame, answer, self._detector.name)
        if answer.trouble and self._vision.gives:
            stop.wait(_LEAVES)  # other devices may look meanwhile; then one more frame tells whether it is over

    def interrupt(self) -> None:
        """All lanes stop when one is asked to: they share the tray that is closed here."""
        self._frames.close()

    def end(self) -> None:
        self._vision.leave()
        self._detector.close()
