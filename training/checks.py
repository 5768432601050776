"""The figures of a network on the held-out pictures."""

from typing import Any

from training.empty import held_out as empty_pictures
from training.metrics import evaluate, gate, nothing, recall_by_size
from training.network import MaskNet
from training.pictures import HeldOut
from training.predict import predict, shapes_of

GATE_THRESHOLD = 0.5


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
