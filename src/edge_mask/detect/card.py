"""What a card says of its graph: how it is fed, how its outputs are read, from which score a face counts."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from edge_mask.messages import INCORRECT, MASK, NO_MASK

Part = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=1)]
Label = Literal["mask", "no_mask", "incorrect"]

OURS = (MASK, NO_MASK, INCORRECT)


class Strict(BaseModel):
    """Frozen, no key that is not known, no number that is none."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class LetterboxSettings(Strict):
    """The picture keeps its proportions; the rest of the input is filled."""

    anchor: Literal["top_left", "center"] = "top_left"
    fill: Annotated[int, Field(ge=0, le=255)] = 114


class Input(Strict):
    """What the graph takes: the real value of a pixel is (pixel - mean) / scale."""

    size: tuple[Count, Count]
    """Width, height."""
    color: Literal["rgb", "bgr"]
    mean: float | tuple[float, float, float] = 0.0
    scale: float | tuple[float, float, float] = 255.0
    letterbox: LetterboxSettings | None = None
    resize: Literal["stretch"] | None = None

    @model_validator(mode="after")
    def _one_way_to_fit(self) -> Self:
        if (self.letterbox is None) == (self.resize is None):
            raise ValueError("expected either letterbox: {anchor, fill} or resize: stretch")
        if 0.0 in self.scales:
            raise ValueError("scale is 0, and pixels are divided by it")
        return self

    @property
    def means(self) -> tuple[float, float, float]:
        """One per channel."""
        return self.mean if isinstance(self.mean, tuple) else (self.mean,) * 3

    @property
    def scales(self) -> tuple[float, float, float]:
        """One per channel."""
        return self.scale if isinstance(self.scale, tuple) else (self.scale,) * 3


class Nms(Strict):
    """Boxes that overlap a better one by more than `iou` go; with `class_agnostic` whatever their label.

    `vote`, `support`, `decay` and `share` let those that go, or lie beside, say something about what stays (see
    `nms.py`): those with a score from `floor` on, which is the default threshold unless given.
    """

    iou: Part = 0.5
    class_agnostic: bool = True
    vote: Part | None = None
    support: Annotated[float, Field(ge=0, le=10)] = 0.0
    decay: Annotated[float, Field(gt=0, le=100)] | None = None
    share: Part | None = None
    floor: Part | None = None

    @model_validator(mode="after")
    def _labels_do_not_mix(self) -> Self:
        if self.class_agnostic and (self.support or self.decay is not None or self.share is not None):
            raise ValueError("support, decay and share tell labels apart and need class_agnostic: false")
        if self.floor is not None and self.vote is None and self.share is None and not self.support:
            raise ValueError("floor says who votes, supports and shares, and there is no vote, support or share")
        return self


class _Detecting(Strict):
    nms: Nms = Nms()
    max_faces: Count = 100


class AnchorFree(_Detecting):
    """Per stride one map of logits and one of boxes, or one of both, matched by shape."""

    kind: Literal["anchor_free"]
    strides: Annotated[tuple[Count, ...], Field(min_length=1)]
    size_scale: Annotated[float, Field(gt=0)] = 2.0
    size_clip: Annotated[float, Field(gt=0, le=20)] = 4.0


class SsdPostprocess(_Detecting):
    """A graph that ends in TFLite_Detection_PostProcess."""

    kind: Literal["ssd_postprocess"]
    outputs: tuple[str, str, str, str] = ("boxes", "labels", "scores", "count")
    """In which order the graph gives them."""
    first_label: Annotated[int, Field(ge=0)] = 0
    """The number of the first of `labels` (1 for graphs that count the background)."""

    @field_validator("outputs")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if sorted(names) != ["boxes", "count", "labels", "scores"]:
            raise ValueError("expected boxes, labels, scores and count, each once")
        return names


class SsdRaw(_Detecting):
    """Offsets and scores over anchors of several grids."""

    kind: Literal["ssd_raw"]
    grids: tuple[tuple[Count, Count], ...]
    """Rows, columns of each grid."""
    sizes: tuple[tuple[float, ...], ...]
    """Per grid, parts of the input."""
    ratios: tuple[tuple[float, ...], ...]
    """Per grid, width to height."""
    variances: tuple[float, float, float, float] = (0.1, 0.1, 0.2, 0.2)
    scores: Literal["none", "sigmoid", "softmax"] = "none"
    """What is still to be done to them."""
    background: bool = False
    """Whether a column for the background comes before the labels."""

    @model_validator(mode="after")
    def _as_many_of_each(self) -> Self:
        if not len(self.grids) == len(self.sizes) == len(self.ratios):
            raise ValueError(f"{len(self.grids)} grids, {len(self.sizes)} sizes and {len(self.ratios)} ratios")
        if any(value <= 0 for row in (*self.sizes, *self.ratios) for value in row) or not all(
            (*self.sizes, *self.ratios)
        ):
            raise ValueError("sizes and ratios: each grid needs at least one of each, above 0")
        return self


class Yolo(_Detecting):
    """YOLOv5 and YOLOv8 exports without built-in suppression."""

    kind: Literal["yolov5", "yolov8"]
    boxes: Literal["parts", "pixels"] = "parts"
    """Whether boxes are parts of the input (0..1) or its pixels."""


class Classifier(Strict):
    """One verdict on the whole picture."""

    kind: Literal["classifier"]
    scores: Literal["none", "sigmoid", "softmax"] = "none"


Decoding = Annotated[AnchorFree | SsdPostprocess | SsdRaw | Yolo | Classifier, Field(discriminator="kind")]


class Thresholds(Strict):
    """From which score a face counts; a label without its own takes the default."""

    default: Part = 0.5
    mask: Part | None = None
    no_mask: Part | None = None
    incorrect: Part | None = None

    def of(self, label: str) -> float:
        """The threshold of one of our labels."""
        own = {MASK: self.mask, NO_MASK: self.no_mask, INCORRECT: self.incorrect}[label]
        return self.default if own is None else own


class Calibration(Strict):
    """score = sigmoid(slope x logit + offset)."""

    slope: Annotated[float, Field(gt=0)] = 1.0
    offset: float = 0.0


class GraphCard(Strict):
    """The part of `model.yaml` that the detector needs."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")]
    labels: Annotated[tuple[str, ...], Field(min_length=1)]
    """In the order of the graph's outputs."""
    label_map: dict[str, Literal["mask", "no_mask", "incorrect", "ignored"]] = {}
    input: Input
    decoding: Decoding
    thresholds: Thresholds = Thresholds()
    calibration: dict[Label, Calibration] = {}

    @model_validator(mode="after")
    def _labels_are_known(self) -> Self:
        if len(set(self.labels)) != len(self.labels):
            raise ValueError(f"labels: one comes twice in {', '.join(self.labels)}")
        for label in self.labels:
            if label not in self.label_map and label not in OURS:
                raise ValueError(f"label_map: say what {label!r} means: {', '.join(OURS)} or ignored")
        unknown = sorted(set(self.label_map) - set(self.labels))
        if unknown:
            raise ValueError(f"label_map: {', '.join(unknown)} is none of the labels")
        return self

    def meaning(self, label: str) -> str | None:
        """Which of our labels one of the model's stands for; None when it is ignored."""
        meant = self.label_map.get(label, label)
        return None if meant == "ignored" else meant

    @property
    def meanings(self) -> tuple[str, ...]:
        """The labels its faces can have, out of ours, each once."""
        return tuple(dict.fromkeys(meant for meant in map(self.meaning, self.labels) if meant))
