"""The figures of a network on the held-out pictures."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.empty import held_out as empty_pictures
from training.metrics import evaluate, gate, nothing, recall_by_size
from training.network import MaskNet
from training.pictures import Picture, Single, read_scenes, read_singles
from training.predict import predict, shapes_of

GATE_THRESHOLD = 0.5


@dataclass(slots=True)
class HeldOut:
    """Pictures that are never trained on: scenes with boxes, and gate frames with one person each."""

    scenes: list[Picture] = field(default_factory=list)
    singles: list[Single] = field(default_factory=list)


def load_held_out(data: Path) -> HeldOut:
    """Everything under `data/val`."""
    folder = data / "val"
    found = HeldOut(list(read_scenes(folder / "detection.json")))
    if (folder / "single.json").exists():
        found.singles.extend(read_singles(folder / "single.json", tight=False))
    return found


def figures(network: MaskNet, held_out: HeldOut, size: int) -> dict[str, Any]:
    """mAP, recall by size, what is seen in empty pictures, and the gate, at one input size."""
    scenes = [p.pixels for p in held_out.scenes]
    truth = [p.boxes for p in held_out.scenes]
    found = predict(network, scenes, size)
    result: dict[str, Any] = {"size": size, **{k: round(v, 4) for k, v in evaluate(found, truth).items()}}
    sizes = recall_by_size(found, truth, shapes_of(scenes), GATE_THRESHOLD / 2)
    result["recall"] = {name: round(share, 3) for name, (share, _) in sizes.items()}
    result["empty"] = nothing(predict(network, empty_pictures(), size), GATE_THRESHOLD)
    if held_out.singles:
        frames = predict(network, [s.pixels for s in held_out.singles], size)
        result["gate"] = gate(frames, [s.label for s in held_out.singles], GATE_THRESHOLD)
    return result
