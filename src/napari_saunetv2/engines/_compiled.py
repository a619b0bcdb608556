"""Exported networks on OpenVINO; unlike the making of exports, running one needs no torch."""

import threading
from collections import OrderedDict
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops

from napari_saunetv2.engines._finite import require_finite
from napari_saunetv2.engines._threads import threads

_KEPT = 4
"""Maximum number of shapes for which a compiled model is kept."""


class OpenvinoRunner:
    """An exported network on OpenVINO; compiled for every shape of canvas, the latest shapes are kept.

    Parameters
    ----------
    source : Path or Model
        A file, or what :func:`model` gives.
    precision : "float32", "bfloat16" or "int8"
    """

    def __init__(self, source: "Path | ov.Model", precision: str) -> None:
        self._source = source
        self._precision = precision
        self._requests: OrderedDict[tuple[int, ...], Any] = OrderedDict()
        self._alone = threading.Lock()  # a request has one set of buffers

    def __call__(self, canvas: NDArray[np.float32]) -> NDArray[np.float32]:
        """Canvas, shape (H, W, 3) -> probability of every class, (classes, H, W)."""
        with self._alone:
            shared = {"share_inputs": True, "share_outputs": True}  # not copied, as they are used here only
            request = self._request(canvas.shape)
            prediction, *mean_logit = request.infer({0: canvas[None]}, **shared).values()
            require_finite(mean_logit)
            probability: NDArray[np.float32] = prediction[0].copy()
        return probability

    def ready(self, shape: tuple[int, ...]) -> bool:
        """Whether the network is compiled for a canvas of this shape."""
        return shape in self._requests

    def _request(self, shape: tuple[int, ...]) -> Any:
        if shape not in self._requests:
            core = ov.Core()
            model = core.read_model(self._source) if isinstance(self._source, Path) else self._source.clone()
            model.reshape([1, *shape])
            settings = {
                "INFERENCE_PRECISION_HINT": _hint(self._precision),
                "INFERENCE_NUM_THREADS": threads(),
                "PERFORMANCE_HINT": "LATENCY",
                # With threads bound to cores, two processes would share the first ones.
                "ENABLE_CPU_PINNING": False,
            }
            self._requests[shape] = core.compile_model(model, "CPU", settings).create_infer_request()
            if len(self._requests) > _KEPT:
                self._requests.popitem(last=False)
        self._requests.move_to_end(shape)
        return self._requests[shape]


@lru_cache(maxsize=1)
def has_bfloat16() -> bool:
    """Whether OpenVINO computes in bfloat16 here: tried on a small network, as flags may promise too much."""
    core = ov.Core()
    if "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        return False
    image = ops.parameter([1, 16, 8, 8], np.float32)
    ones = np.ones((16, 16, 3, 3), np.float32)
    convolved = ops.convolution(image, ones, [1, 1], [1, 1], [1, 1], [1, 1])
    small = ops.max_pool(convolved, [2, 2], [1, 1], [0, 0], [0, 0], [2, 2]).output(0)
    try:
        core.compile_model(ov.Model([small], [image]), "CPU", {"INFERENCE_PRECISION_HINT": "bf16"})
    except RuntimeError:
        return False
    return True


def _hint(precision: str) -> str:
    """Return the precision of what the graph calls float32.

    A graph in bfloat16 says of every operation what it is. Of int8 the convolutions alone are said to be.
    """
    return "bf16" if precision == "int8" and has_bfloat16() else "f32"
