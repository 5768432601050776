"""How good detections are: average precision, recall by size, and the gate. Plain numpy."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_mask.geometry import iou
from training.annotations import LABELS, Boxes
from training.geometry import Corners, nms

SIZE_BINS = (0, 8, 16, 32, 64, 10_000)  # longest side of a face, with the picture scaled to 320


@dataclass(frozen=True, slots=True)
class Found:
    """What a model says about one picture, in pixels of that picture."""

    boxes: Corners
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]


def average_precision(found: Sequence[Found], truth: Sequence[Boxes], label: int, limit: float = 0.5) -> float:
    """All-point interpolated AP of one label; NaN when the truth has no such face."""
    hits, scores, total = [], [], 0
    for one, boxes in zip(found, truth, strict=True):
        wanted = boxes[boxes[:, 0] == label][:, 1:]
        mine = one.labels == label
        order = np.argsort(-one.scores[mine], kind="stable")
        total += len(wanted)
        hits.append(match(one.boxes[mine][order], wanted, limit) >= 0)
        scores.append(one.scores[mine][order])
    if total == 0:
        return float("nan")
    order = np.argsort(-np.concatenate(scores), kind="stable")
    right = np.concatenate(hits)[order].astype(np.float64)
    precision = right.cumsum() / np.arange(1, len(right) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((envelope * right).sum() / total)


def match(boxes: Corners, wanted: Corners, limit: float = 0.5) -> NDArray[np.int64]:
    """For each box, best score first, the index of the unused truth it overlaps most, or −1."""
    result = np.full(len(boxes), -1, np.int64)
    if not len(wanted):
        return result
    overlap = iou(boxes, wanted)
    for i in range(len(boxes)):
        best = int(overlap[i].argmax())
        if overlap[i, best] >= limit:
            result[i] = best
            overlap[:, best] = -1
    return result


def relabel(found: Sequence[Found], mapping: Sequence[int]) -> list[Found]:
    """The same detections with labels merged, suppressed again within each new label."""
    table, result = np.array(mapping), []
    for one in found:
        labels = table[one.labels]
        keep = nms(one.boxes, one.scores, labels)
        result.append(Found(one.boxes[keep], one.scores[keep], labels[keep]))
    return result


def merge_truth(truth: Sequence[Boxes], mapping: Sequence[int]) -> list[Boxes]:
    """The truth with labels merged."""
    table = np.array(mapping, np.float32)
    return [np.concatenate((table[b[:, :1].astype(int)], b[:, 1:]), 1) for b in truth]


def evaluate(found: Sequence[Found], truth: Sequence[Boxes]) -> dict[str, float]:
    """mAP3 over three labels, mAP2 with `incorrect` counted as `no_mask`, AP of the face alone, AP by label."""
    figures = {label: average_precision(found, truth, i) for i, label in enumerate(LABELS)}
    figures["mAP3"] = float(np.nanmean([figures[label] for label in LABELS]))
    two, two_truth = relabel(found, (0, 1, 1)), merge_truth(truth, (0, 1, 1))
    pair = [average_precision(two, two_truth, i) for i in (0, 1)]
    figures["mask_of_2"], figures["no_mask_of_2"] = pair
    figures["mAP2"] = float(np.nanmean(pair))
    figures["face"] = average_precision(relabel(found, (0, 0, 0)), merge_truth(truth, (0, 0, 0)), 0)
    return figures


def false_alarms(found: Sequence[Found], threshold: float) -> dict[str, Any]:
    """In how many pictures without a face (`of`) one is seen from the threshold on, and the highest score there."""
    highest = [float(one.scores.max(initial=0.0)) for one in found]
    seen = sum(score >= threshold for score in highest)
    return {"seen": seen, "of": len(found), "highest": round(max(highest, default=0.0), 3)}


def recall_by_size(found: Sequence[Found], truth: Sequence[Boxes], shapes: Sequence[tuple[int, int]],
                   threshold: float) -> dict[str, tuple[float, int]]:  # fmt: skip
    """Share of faces found, whatever the label, for each size at 320 pixels, and how many faces there are."""
    hit, sizes = [], []
    for one, boxes, (height, width) in zip(relabel(found, (0, 0, 0)), truth, shapes, strict=True):
        sure = one.scores >= threshold
        got = match(one.boxes[sure], boxes[:, 1:])
        hit.append(np.isin(np.arange(len(boxes)), got))
        sizes.append((boxes[:, 3:] - boxes[:, 1:3]).max(1, initial=0) * 320 / max(height, width))
    hits, longest = np.concatenate(hit), np.concatenate(sizes)
    result = {}
    for low, high in itertools.pairwise(SIZE_BINS):
        inside = (longest >= low) & (longest < high)
        name = f"{low}-{high}" if high < SIZE_BINS[-1] else f"{low}+"
        result[name] = (float(hits[inside].mean()) if inside.any() else float("nan"), int(inside.sum()))
    return result


GATE_ANSWERS = (*LABELS, "no face")


def gate_answer(found: Found, threshold: float) -> int:
    """The label of the largest face over the threshold (index into GATE_ANSWERS); 3 when there is none."""
    sure = found.scores >= threshold
    if not sure.any():
        return len(LABELS)
    boxes = found.boxes[sure]
    return int(found.labels[sure][(boxes[:, 2:] - boxes[:, :2]).prod(1).argmax()])


def gate(found: Sequence[Found], labels: Sequence[int], threshold: float) -> dict[str, object]:
    """The gate on pictures of one person each: passes only `mask`; `no_mask` and `incorrect` stop.

    accuracy: share of pictures with the right decision; a face that is not seen is an error, mask or not.
    false_pass: share of bare faces that pass.
    """
    table = np.zeros((2, len(GATE_ANSWERS)), int)
    for one, label in zip(found, labels, strict=True):
        table[min(label, 1), gate_answer(one, threshold)] += 1
    right = table[0, 0] + table[1, 1:3].sum()
    bare = table[1].sum()
    no_face = table[:, -1].sum()
    return {
        "accuracy": float(right / max(table.sum(), 1)),
        "false_pass": float(table[1, 0] / bare) if bare else float("nan"),
        "no_face": int(no_face),
        "confusion": table.tolist(),
    }
