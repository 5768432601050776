"""The report of a run: curves, average precision by label, recall by size, the gate, and the worst pictures."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from training.annotations import LABELS, Boxes
from training.empty import held_out as empty_pictures
from training.metrics import GATE_ANSWERS, Found, evaluate, false_alarms, gate, match, recall_by_size
from training.network import MaskNet
from training.pictures import HeldOut, Picture, Pixels, Single, empty_boxes
from training.predict import GATE_THRESHOLD, predict, shapes_of

COLOURS = ((60, 180, 75), (230, 60, 60), (245, 170, 40))  # mask, no_mask, incorrect
TILE, COLUMNS, WORST = 240, 6, 24


def write_report(folder: Path, network: MaskNet, held_out: HeldOut, size: int) -> Path:
    """Write `report/report.md` with its pictures; returns that file."""
    target = folder / "report"
    target.mkdir(exist_ok=True)
    scenes = [p.pixels for p in held_out.scenes]
    truth = [p.boxes for p in held_out.scenes]
    found = predict(network, scenes, size)
    lines = read_log(folder / "log.jsonl")
    draw_curves(lines, target / "curves.png")
    sizes = recall_by_size(found, truth, shapes_of(scenes), GATE_THRESHOLD / 2)
    draw_sizes(sizes, target / "sizes.png")
    cv2.imwrite(str(target / "worst.png"), contact_sheet(held_out.scenes, found)[..., ::-1])
    parts = [f"# Training report\n\nFigures on the held-out pictures at {size} × {size}, averaged weights, torch.\n"]
    parts.append(table(["figure", "value"], [[k, f"{v:.4f}"] for k, v in evaluate(found, truth).items()]))
    parts.append("![loss and precision over the run](curves.png)\n\n## Recall by size of the face at 320\n")
    parts.append(
        table(["pixels", "found", "faces"], [[n, f"{share:.3f}", str(count)] for n, (share, count) in sizes.items()])
    )
    parts.append("![recall by size](sizes.png)\n")
    empty = false_alarms(predict(network, empty_pictures(), size), GATE_THRESHOLD)
    parts.append("Faces seen in {seen} of {of} empty pictures; the highest score there is {highest}.\n".format(**empty))
    if held_out.singles:
        frames = predict(network, [s.pixels for s in held_out.singles], size)
        parts.append(gate_section(gate(frames, [s.label for s in held_out.singles], GATE_THRESHOLD)))
        parts.append(draw_gate_errors(held_out.singles, frames, target / "gate.png"))
    parts.append(
        f"## The worst pictures\n\nThick: what the model says; thin: the truth. {legend()}\n\n![worst](worst.png)\n"
    )
    path = target / "report.md"
    path.write_text("\n".join(parts), encoding="utf-8")
    return path


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a run's log."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def gate_section(answer: dict[str, Any]) -> str:
    """What the gate did with one person per picture."""
    rows = [[name, *(str(v) for v in row)] for name, row in zip(LABELS[:2], answer["confusion"], strict=True)]
    head = f"## The gate\n\nRight: {answer['accuracy']:.4f}, bare faces let through: {answer['false_pass']:.4f}\n\n"
    return head + table(["is / said", *GATE_ANSWERS], rows)


def draw_gate_errors(singles: Sequence[Single], found: Sequence[Found], path: Path) -> str:
    """The pictures that the gate got wrong, side by side; returns the lines that show them.

    Look at them before training against them: folders of masked people hold masks below the nose.
    """
    wrong = [
        (Picture(single.pixels, empty_boxes()), one)
        for single, one in zip(singles, found, strict=True)
        if gate([one], [single.label], GATE_THRESHOLD)["accuracy"] == 0.0
    ]
    if not wrong:
        path.unlink(missing_ok=True)  # of an earlier report
        return ""
    pictures, answers = zip(*wrong, strict=True)
    cv2.imwrite(str(path), contact_sheet(pictures, answers, most=len(wrong))[..., ::-1])
    return f"What the gate got wrong, with what the model says. {legend()}\n\n![gate](gate.png)\n"


def draw_curves(lines: Sequence[dict[str, Any]], path: Path) -> None:
    """Losses and precision against minutes of training."""
    plots = _matplotlib()
    figure, (left, right) = plots.subplots(1, 2, figsize=(11, 4))
    losses = [line for line in lines if "score_loss" in line]
    for key, name in (("score_loss", "score"), ("box_loss", "box")):
        left.plot([line["minutes"] for line in losses], [line[key] for line in losses], label=name, linewidth=0.8)
    checks = [line for line in lines if "mAP3" in line]
    for key in ("mAP2", "mAP3", *LABELS):
        right.plot([line["minutes"] for line in checks], [line[key] for line in checks], "o-", label=key, markersize=3)
    left.set(title="loss", xlabel="minutes")
    right.set(title="average precision, held out", xlabel="minutes", ylim=(0, 1))
    for each in (left, right):
        each.legend()
        each.grid(alpha=0.3)
    _save(figure, path)


def draw_sizes(sizes: dict[str, tuple[float, int]], path: Path) -> None:
    """How many faces there are of each size, and how many of them are found."""
    figure, axis = _matplotlib().subplots(figsize=(6, 4))
    names = list(sizes)
    counts = np.array([count for _, count in sizes.values()])
    shares = np.nan_to_num([share for share, _ in sizes.values()])
    axis.bar(names, counts, color="#cccccc", label="faces")
    axis.bar(names, counts * shares, color="#3c78b4", label="found")
    axis.set(xlabel="longest side in pixels at 320", ylabel="faces")
    axis.legend()
    _save(figure, path)


def badness(found: Found, truth: Boxes) -> float:
    """Faces missed or given the wrong label, plus confident answers where no face is."""
    order = np.argsort(-found.scores, kind="stable")
    who = match(found.boxes[order], truth[:, 1:])
    scores, labels = found.scores[order], found.labels[order]
    sure = scores >= GATE_THRESHOLD
    wrong_label = sum(int(labels[i]) != int(truth[who[i], 0]) for i in np.flatnonzero(sure & (who >= 0)))
    missed = len(truth) - int((sure & (who >= 0)).sum())
    return missed + wrong_label + float(scores[sure & (who < 0)].sum())


def contact_sheet(scenes: Sequence[Picture], found: Sequence[Found], most: int = WORST) -> Pixels:
    """The worst pictures side by side, the worst first."""
    pairs = sorted(zip(scenes, found, strict=True), key=lambda pair: -badness(pair[1], pair[0].boxes))[:most]
    tiles = [_tile(scene, one) for scene, one in pairs]
    while len(tiles) % COLUMNS:
        tiles.append(np.full((TILE, TILE, 3), 255, np.uint8))
    return np.vstack([np.hstack(tiles[i : i + COLUMNS]) for i in range(0, len(tiles), COLUMNS)])


def legend() -> str:
    """Which colour is which label."""
    return "Green mask, red no_mask, orange incorrect."


def _tile(scene: Picture, found: Found) -> Pixels:
    scale = TILE / max(scene.pixels.shape[:2])
    small = cv2.resize(scene.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    for label, *corners in scene.boxes:
        x1, y1, x2, y2 = (round(float(v) * scale) for v in corners)
        cv2.rectangle(small, (x1, y1), (x2, y2), COLOURS[int(label)], 1)
    for box, score, label in zip(found.boxes, found.scores, found.labels, strict=True):
        if score >= GATE_THRESHOLD:
            x1, y1, x2, y2 = (round(float(v) * scale) for v in box)
            cv2.rectangle(small, (x1 - 1, y1 - 1), (x2 + 1, y2 + 1), COLOURS[int(label)], 2)
    tile = np.full((TILE, TILE, 3), 255, np.uint8)
    tile[: small.shape[0], : small.shape[1]] = small[:TILE, :TILE]
    return tile


def _matplotlib() -> Any:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plots

    return plots


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    _matplotlib().close(figure)
