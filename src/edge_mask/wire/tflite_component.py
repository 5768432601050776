"""What AWS's TensorFlow Lite object detection component publishes for each picture, for subscribers that know that one.

Source: AWS IoT Greengrass developer guide, tutorial "Perform sample image classification inference": scores are texts.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from edge_mask.kinds import Priority
from edge_mask.messages import Detections, Message, Track
from edge_mask.wire.envelope import to_bytes


@dataclass(frozen=True, slots=True)
class TfliteResults:
    """Makes that message out of each look; live, like `detections`."""

    topic: str
    publish: Literal["faces", "all", "off"]
    """Which looks make a `detections` message as well."""

    def wants(self, look: Detections) -> bool:
        """Whether the look makes a `detections` message."""
        return self.publish == "all" or (self.publish == "faces" and bool(look.tracks))

    def of(self, look: Detections) -> Message:
        """One message for one look, also when nobody is there."""
        fields = {
            "timestamp": datetime.fromtimestamp(look.at.wall, UTC).strftime("%Y-%m-%d %H:%M:%S.%f"),
            "inference-type": "object-detection",
            "inference-description": f"Faces found by {look.model}",
            "inference-results": [_result(track) for track in look.tracks],
        }
        return Message(topic=self.topic, payload=to_bytes(fields), priority=Priority.LIVE, qos=0)


def _result(track: Track) -> dict[str, Any]:
    """Boundaries: top, left, bottom and right, in pixels of the picture."""
    box = track.face.box
    edges = (box.y, box.x, box.y + box.h, box.x + box.w)
    return {
        "Label": track.face.label,
        "Score": f"{track.face.score:.4f}",
        "Boundaries": [round(float(edge), 1) for edge in edges],
    }
