"""The TFLite runtime: the one place that knows ai-edge-litert and its predecessor tflite-runtime."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from edge_mask.detect.tensors import TensorSpec
from edge_mask.errors import Broken, ModelError

RUNTIMES = {"ai-edge-litert": "ai_edge_litert", "tflite-runtime": "tflite_runtime"}
"""Package name to module name, the preferred one first."""


def installed_runtimes() -> tuple[str, ...]:
    """The runtimes that can be used in this environment, the preferred one first."""
    return tuple(name for name in RUNTIMES if not _missing(name))


def choose_runtime(wanted: str | None = None) -> str:
    """The runtime to use: `wanted`, or the first one that is installed. Raises ModelError."""
    if wanted is not None and wanted not in RUNTIMES:
        raise ModelError(f"there is no runtime {wanted}, only {' and '.join(RUNTIMES)}")
    reasons = []
    for name in [wanted] if wanted else RUNTIMES:
        reason = _missing(name)
        if not reason:
            return name
        reasons.append(f"{name} {reason}")
    raise ModelError(f"no TFLite runtime can be used: {'; '.join(reasons)}")


def _missing(runtime: str) -> str:
    """Why a runtime cannot be used here; empty when it can."""
    if find_spec(RUNTIMES[runtime]) is None:
        return f"is not installed (run `pip install {runtime}`)"
    if runtime == "tflite-runtime" and int(np.__version__.split(".")[0]) > 1:
        return f"needs numpy<2, here is {np.__version__} (run `pip install 'numpy<2'`)"
    return ""


class TfliteModel:
    """One loaded graph with one picture as its input; XNNPACK is on, as both runtimes have it by default.

    The file's bytes are kept in memory rather than mapped: a file replaced under a running daemon does no harm.
    """

    def __init__(self, content: bytes, *, threads: int, runtime: str, size: tuple[int, int]) -> None:
        """`size` (width, height) is given to a graph that leaves it open. Raises ModelError when it cannot run."""
        self.runtime = runtime
        self.last_inference_ms = 0.0
        try:
            with _without_chatter():
                self._interpreter = _interpreter(content, threads, runtime)
                self._inputs = self._interpreter.get_input_details()
                if len(self._inputs) != 1:
                    raise ModelError(f"the graph has {len(self._inputs)} inputs, expected one picture")
                self._fix_size(size)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"the graph cannot be prepared by {runtime}: {_first_line(error)}") from error
        self._inputs = self._interpreter.get_input_details()
        self._outputs = self._interpreter.get_output_details()
        self.input = _spec(self._inputs[0])
        self.outputs = tuple(_spec(detail) for detail in self._outputs)

    def run(self, fill: Callable[[NDArray[Any]], None]) -> "OutputTensors":
        """Let `fill` write the picture into the input (height x width x channels), run, return the outputs.

        They are read when they are asked for, until the next run. `last_inference_ms` is the time of the graph alone.
        """
        view = self._interpreter.tensor(self._inputs[0]["index"])()
        fill(view[0])
        del view  # the runtime refuses to run while somebody holds its memory
        self.invoke()
        return OutputTensors(self)

    def invoke(self) -> None:
        """Run on whatever the input holds. Raises Broken."""
        begin = time.perf_counter()
        try:
            self._interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise Broken(f"the model failed while it ran: {_first_line(error)}") from error
        self.last_inference_ms = (time.perf_counter() - begin) * 1000.0

    def close(self) -> None:
        """Free the graph; safe to call twice. The model must not be run again."""
        self._interpreter = None

    def read(self, index: int) -> NDArray[Any]:
        """A copy of what one output stores after the last run."""
        stored: NDArray[Any] = self._interpreter.get_tensor(self._outputs[index]["index"])
        return stored

    def _fix_size(self, size: tuple[int, int]) -> None:
        detail = self._inputs[0]
        signature = detail["shape_signature"]
        if len(signature) == 4 and (signature < 0).any():
            self._interpreter.resize_tensor_input(detail["index"], [1, size[1], size[0], int(signature[3])])


class OutputTensors(Sequence[NDArray[Any]]):
    """The outputs of the last run as they are stored: boxes are only read where a map of scores shows something."""

    def __init__(self, model: TfliteModel) -> None:
        self._model = model

    @overload
    def __getitem__(self, index: int) -> NDArray[Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[NDArray[Any]]: ...
    def __getitem__(self, index: int | slice) -> NDArray[Any] | list[NDArray[Any]]:
        if isinstance(index, slice):
            return [self._model.read(each) for each in range(len(self))[index]]
        return self._model.read(index)

    def __len__(self) -> int:
        return len(self._model.outputs)


def _interpreter(content: bytes, threads: int, runtime: str) -> Any:
    try:
        module = import_module(f"{RUNTIMES[runtime]}.interpreter")
        return module.Interpreter(model_content=content, num_threads=threads)
    except ValueError as error:
        raise ModelError(f"is no TFLite model that {runtime} can read: {_first_line(error)}") from error
    except (ImportError, AttributeError, OSError, SystemError) as error:  # a wheel for another NumPy or C library
        raise ModelError(f"{runtime} does not start here: {_first_line(error)}") from error


@contextmanager
def _without_chatter() -> Iterator[None]:
    """While the graph is prepared, hold back what is written to stderr and leave out its `INFO:` lines.

    Stderr carries our log lines and sentences. The runtime writes past Python, so the file descriptor itself is
    redirected. Lines of other threads are delayed by those milliseconds, never lost.
    """
    try:
        stderr = os.dup(2)
    except OSError:  # a daemon without stderr
        yield
        return
    with tempfile.TemporaryFile() as held, os.fdopen(stderr, "wb", buffering=0) as real:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(real.fileno(), 2)
            held.seek(0)
            real.write(b"".join(line for line in held if not line.startswith(b"INFO: ")))


def _spec(detail: dict[str, Any]) -> TensorSpec:
    scale, zero_point = detail["quantization"]
    shape = tuple(int(side) for side in detail["shape"])
    dtype = np.dtype(detail["dtype"])
    scale = float(scale) if dtype.kind in "iu" else 0.0  # real values may still carry what they were quantised with
    return TensorSpec(str(detail["name"]), shape, dtype, scale, int(zero_point))


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
