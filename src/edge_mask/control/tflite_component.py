"""The keys of AWS's TensorFlow Lite object detection component, for devices that come from it.

Source: AWS IoT Greengrass developer guide, "TensorFlow Lite object detection", configuration.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

CAMERA: Final = "camera"
"""The name of the camera that these keys describe."""
_HOURLY: Final = "3600"
KEYS: Final = (
    "PublishResultsOnTopic", "Accelerator", "ImageDirectory", "ImageName", "InferenceInterval", "ModelResourceKey",
    "UseCamera",
)  # fmt: skip


def translated(document: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The document in our own keys, and a sentence for each of theirs that means something else here, or nothing."""
    theirs = {key: document[key] for key in KEYS if key in document}
    ours: dict[str, Any] = {key: value for key, value in document.items() if key not in theirs}
    if (source := _source(theirs)) is not None:
        # Each picture is a look of its own there, nobody is judged: that is a room here, and no gate.
        interval = _seconds(theirs.get("InferenceInterval", _HOURLY))
        ours["cameras"] = [{"name": CAMERA, "source": source, "role": "cctv", "interval": interval}]
        if source.startswith("images:"):
            ours["cameras"][0]["loop"] = True
    elif "InferenceInterval" in theirs and isinstance(cameras := ours.get("cameras"), list):
        interval = _seconds(theirs["InferenceInterval"])
        ours["cameras"] = [{**each, "interval": interval} if isinstance(each, Mapping) else each for each in cameras]
    if "PublishResultsOnTopic" in theirs:
        topics = ours.get("topics", {})
        if isinstance(topics, Mapping):
            ours["topics"] = {"tflite_results": theirs["PublishResultsOnTopic"], **topics}
    return ours, list(_differences(theirs))


def _source(theirs: Mapping[str, Any]) -> str | None:
    if str(theirs.get("UseCamera", "")).lower() == "true":
        return "usb:0"
    folder = theirs.get("ImageDirectory")
    return f"images:{Path(folder)}" if isinstance(folder, str) and folder else None


def _seconds(value: Any) -> Any:
    """A number of seconds, mostly as a text; anything else goes to the sentence about the interval."""
    return f"{value}s" if str(value).strip().replace(".", "", 1).isdecimal() else value


def _differences(theirs: Mapping[str, Any]) -> list[str]:
    said = []
    if theirs.get("Accelerator", "cpu") != "cpu":
        said.append(f"Accelerator: there is none for {theirs['Accelerator']}; the model runs on the processor")
    if "ImageName" in theirs and "ImageDirectory" in theirs:
        said.append(f"ImageName: every picture in {theirs['ImageDirectory']} is looked at, {theirs['ImageName']} too")
    if "ModelResourceKey" in theirs:
        said.append("ModelResourceKey: AWS's model stores are not read; detector.model names a package of our own")
    return said
