"""Tiny real .tflite graphs (a few kB, built with flatbuffers) for each decoding kind.

Every graph looks at the mean of each channel over square cells of the picture, so that a test paints a red,
green or blue square and knows which face must come out, at which place:

    red square -> mask, green square -> no_mask, blue square -> incorrect
"""

from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers
from numpy.typing import NDArray

Array = NDArray[Any]
_TYPES = {
    np.dtype(np.float32): schema.TensorType.FLOAT32,
    np.dtype(np.int8): schema.TensorType.INT8,
    np.dtype(np.uint8): schema.TensorType.UINT8,
    np.dtype(np.int32): schema.TensorType.INT32,
}
SURE = 16.0
"""Logit of a cell filled with its colour; an empty one has -SURE / 2."""


class Graph:
    """A TFLite graph under construction: tensors by number, operators in the order they are added."""

    def __init__(self) -> None:
        self._model = schema.ModelT()
        self._model.version = 3
        self._model.description = "tiny"
        self._model.buffers = [schema.BufferT()]
        self._model.operatorCodes = []
        self._graph = schema.SubGraphT()
        self._graph.tensors, self._graph.operators = [], []
        self._graph.inputs, self._graph.outputs = [], []

    def tensor(
        self, name: str, shape: Sequence[int], dtype: type = np.float32, quantised: tuple[float, int] | None = None
    ) -> int:
        """A tensor that is computed; `quantised` is its scale and zero point."""
        return self._add(name, shape, np.dtype(dtype), 0, quantised)

    def constant(self, values: Array) -> int:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        return self._add("constant", values.shape, values.dtype, len(self._model.buffers) - 1, None)

    def operator(
        self, code: int, inputs: Sequence[int], outputs: Sequence[int], kind: int = 0, options: Any = None
    ) -> None:
        self._model.operatorCodes.append(_code(code))
        op = schema.OperatorT()
        op.opcodeIndex = len(self._model.operatorCodes) - 1
        op.inputs, op.outputs = list(inputs), list(outputs)
        op.builtinOptionsType, op.builtinOptions = kind, options
        self._graph.operators.append(op)

    def custom(self, name: str, inputs: Sequence[int], outputs: Sequence[int], options: dict[str, Any]) -> None:
        """An operator by name, such as TFLite_Detection_PostProcess."""
        self.operator(schema.BuiltinOperator.CUSTOM, inputs, outputs)
        self._model.operatorCodes[-1].customCode = name
        self._graph.operators[-1].customOptions = np.frombuffer(flexbuffers.Dumps(options), np.uint8)

    def cells(self, picture: int, kernel: Array, bias: Array, stride: int, size: tuple[int, int]) -> int:
        """Convolve cells of `stride` pixels with a kernel (outputs x stride x stride x 3)."""
        out = self.tensor("cells", (1, size[1] // stride, size[0] // stride, len(bias)))
        options = schema.Conv2DOptionsT()
        options.padding, options.strideW, options.strideH = schema.Padding.VALID, stride, stride
        inputs = [picture, self.constant(kernel.astype(np.float32)), self.constant(bias.astype(np.float32))]
        self.operator(schema.BuiltinOperator.CONV_2D, inputs, [out], schema.BuiltinOptions.Conv2DOptions, options)
        return out

    def add(self, left: int, values: Array) -> int:
        """Element by element with a constant of the same shape."""
        out = self.tensor("sum", values.shape)
        kind = schema.BuiltinOptions.AddOptions
        inputs = [left, self.constant(values.astype(np.float32))]
        self.operator(schema.BuiltinOperator.ADD, inputs, [out], kind, schema.AddOptionsT())
        return out

    def reshape(self, source: int, shape: Sequence[int], name: str = "reshaped") -> int:
        out = self.tensor(name, shape)
        self.operator(schema.BuiltinOperator.RESHAPE, [source, self.constant(np.array(shape, np.int32))], [out])
        return out

    def transpose(self, source: int, shape: Sequence[int], order: Sequence[int]) -> int:
        """`shape` is that of the result."""
        out = self.tensor("transposed", shape)
        self.operator(schema.BuiltinOperator.TRANSPOSE, [source, self.constant(np.array(order, np.int32))], [out])
        return out

    def logistic(self, source: int, shape: Sequence[int]) -> int:
        out = self.tensor("scores", shape)
        self.operator(schema.BuiltinOperator.LOGISTIC, [source], [out])
        return out

    def dequantised(self, source: int, shape: Sequence[int]) -> int:
        out = self.tensor("real", shape)
        self.operator(schema.BuiltinOperator.DEQUANTIZE, [source], [out])
        return out

    def finish(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        """The bytes of the file."""
        self._graph.inputs, self._graph.outputs = list(inputs), list(outputs)
        self._model.subgraphs = [self._graph]
        builder = flatbuffers.Builder(1024)
        builder.Finish(self._model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _add(
        self, name: str, shape: Sequence[int], dtype: Any, buffer: int, quantised: tuple[float, int] | None
    ) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(shape), _TYPES[np.dtype(dtype)], buffer
        if quantised:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale, tensor.quantization.zeroPoint = [quantised[0]], [quantised[1]]
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1


def _code(code: int) -> Any:
    made = schema.OperatorCodeT()
    made.builtinCode, made.deprecatedBuiltinCode, made.version = code, min(code, 127), 1
    return made


def looks(stride: int, channels: int = 3) -> tuple[Array, Array]:
    """Kernel and bias of logits for cells of pixels 0..1: channel c answers to colour c of red, green, blue."""
    kernel = np.full((channels, stride, stride, 3), -1.0)
    for channel in range(channels):
        kernel[channel, :, :, channel] = 1.0
    return kernel * (1.5 * SURE / stride**2), np.full(channels, -SURE / 2)


def picture_input(graph: Graph, size: tuple[int, int]) -> int:
    return graph.tensor("picture", (1, size[1], size[0], 3))


def anchor_free(
    size: tuple[int, int] = (64, 64),
    strides: Sequence[int] = (8, 16),
    labels: int = 3,
    boxes: Sequence[float] = (0.0, 0.0, 0.0, 0.0),
    *,
    joint: bool = False,
) -> bytes:
    """One pair of maps per stride, or one map of both if `joint`.

    Every box is the same (shift x, shift y, log width, log height).
    """
    graph = Graph()
    picture = picture_input(graph, size)
    outputs = []
    for stride in strides:
        kernel, bias = looks(stride, labels)
        still = np.zeros((4, stride, stride, 3))
        parts = [(kernel, bias), (still, np.array(boxes))]
        if joint:
            parts = [(np.concatenate((kernel, still)), np.concatenate((bias, boxes)))]
        outputs += [graph.cells(picture, weights, shifts, stride, size) for weights, shifts in parts]
    return graph.finish([picture], outputs)


def anchor_free_int8(size: tuple[int, int] = (64, 64), stride: int = 8) -> bytes:
    """The same with one stride behind an int8 input: real value (pixel - 127) / 128, as steps of 1 / 128."""
    graph = Graph()
    shape = (1, size[1], size[0], 3)
    steps = graph.tensor("steps", shape, np.int8, (1 / 128, 0))
    picture = graph.dequantised(steps, shape)
    kernel, bias = looks(stride)
    # From (pixel - 127) / 128 back to pixel / 255, inside the kernel.
    kernel, bias = kernel * 128 / 255, bias + kernel.sum((1, 2, 3)) * 127 / 255
    still = np.zeros((4, stride, stride, 3))
    outputs = [graph.cells(picture, k, b, stride, size) for k, b in ((kernel, bias), (still, np.zeros(4)))]
    return graph.finish([steps], outputs)


def classifier(size: tuple[int, int] = (32, 32), labels: int = 3) -> bytes:
    """One logit per label for the whole picture (square)."""
    graph = Graph()
    picture = picture_input(graph, size)
    cells = graph.cells(picture, *looks(size[0], labels), size[0], size)
    return graph.finish([picture], [graph.reshape(cells, (1, labels), "logits")])


def yolo(kind: str, size: tuple[int, int] = (64, 64), stride: int = 16, labels: int = 3) -> bytes:
    """Boxes of one cell each, in parts of the input, in the layout of yolov5 or yolov8."""
    graph = Graph()
    picture = picture_input(graph, size)
    rows, columns = size[1] // stride, size[0] // stride
    count, extra = rows * columns, int(kind == "yolov5")
    kernel, bias = looks(stride, labels)
    scores = graph.logistic(graph.cells(picture, kernel, bias, stride, size), (1, rows, columns, labels))
    # A 1 x 1 convolution makes room for the box (and a sure objectness) in front of the scores.
    width = 4 + extra + labels
    room = np.zeros((width, 1, 1, labels))
    room[4 + extra :, 0, 0, :] = np.eye(labels)
    table = _convolved(graph, scores, room, (1, rows, columns, width))
    places = np.zeros((1, rows, columns, width))
    down, across = np.mgrid[0:rows, 0:columns]
    places[0, :, :, 0], places[0, :, :, 1] = (across + 0.5) / columns, (down + 0.5) / rows
    places[0, :, :, 2], places[0, :, :, 3] = 1 / columns, 1 / rows
    places[0, :, :, 4 : 4 + extra] = 1.0
    out = graph.reshape(graph.add(table, places), (1, count, width))
    if kind == "yolov8":
        out = graph.transpose(out, (1, width, count), (0, 2, 1))
    return graph.finish([picture], [out])


def ssd_raw(size: tuple[int, int] = (64, 64), stride: int = 16, labels: int = 2) -> bytes:
    """Offsets of 0 and scores of one anchor per cell."""
    graph = Graph()
    picture = picture_input(graph, size)
    offsets, scores = _ssd_heads(graph, picture, size, stride, labels)
    return graph.finish([picture], [offsets, scores])


def ssd_postprocess(size: tuple[int, int] = (64, 64), stride: int = 16, labels: int = 3, most: int = 10) -> bytes:
    """The same heads behind TFLite's own post-processing; anchors of one cell."""
    graph = Graph()
    picture = picture_input(graph, size)
    rows, columns = size[1] // stride, size[0] // stride
    offsets, scores = _ssd_heads(graph, picture, size, stride, labels, background=True)
    down, across = np.mgrid[0:rows, 0:columns]
    sides = [(down + 0.5) / rows, (across + 0.5) / columns, np.full_like(down, 1 / rows, dtype=float)]
    anchors = np.stack([*sides, np.full_like(down, 1 / columns, dtype=float)], axis=-1).reshape(-1, 4)
    shapes = ((1, most, 4), (1, most), (1, most), (1,))
    outputs = [graph.tensor(f"TFLite_Detection_PostProcess:{i}", shape) for i, shape in enumerate(shapes)]
    options = {
        "max_detections": most, "max_classes_per_detection": 1, "detections_per_class": 100,
        "use_regular_nms": False, "nms_score_threshold": 0.1, "nms_iou_threshold": 0.5, "num_classes": labels,
        "y_scale": 10.0, "x_scale": 10.0, "h_scale": 5.0, "w_scale": 5.0,
    }  # fmt: skip
    inputs = [offsets, scores, graph.constant(anchors.astype(np.float32))]
    graph.custom("TFLite_Detection_PostProcess", inputs, outputs, options)
    return graph.finish([picture], outputs)


def _ssd_heads(
    graph: Graph, picture: int, size: tuple[int, int], stride: int, labels: int, *, background: bool = False
) -> tuple[int, int]:
    rows, columns = size[1] // stride, size[0] // stride
    kernel, bias = looks(stride, labels)
    if background:
        kernel, bias = np.concatenate((kernel[:1] * 0, kernel)), np.concatenate(([-SURE], bias))
    scores = graph.logistic(graph.cells(picture, kernel, bias, stride, size), (1, rows, columns, len(bias)))
    still = graph.cells(picture, np.zeros((4, stride, stride, 3)), np.zeros(4), stride, size)
    count = rows * columns
    return graph.reshape(still, (1, count, 4), "offsets"), graph.reshape(scores, (1, count, len(bias)), "scores")


def _convolved(graph: Graph, source: int, kernel: Array, shape: Sequence[int]) -> int:
    out = graph.tensor("room", shape)
    options = schema.Conv2DOptionsT()
    options.padding, options.strideW, options.strideH = schema.Padding.VALID, 1, 1
    inputs = [source, graph.constant(kernel.astype(np.float32)), graph.constant(np.zeros(len(kernel), np.float32))]
    graph.operator(schema.BuiltinOperator.CONV_2D, inputs, [out], schema.BuiltinOptions.Conv2DOptions, options)
    return out
