"""Eight-bit integer convolutions, for OpenVINO on processors without bfloat16.

The input ranges of each convolution are measured once on training images and stored in the model's header;
from them the network is rebuilt on any machine without images.

References
----------
Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
2018: values of a map on 256 steps in which 0 is exact, weights on 255 symmetric ones per channel.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops
from torch import nn

from napari_saunetv2.engines._graph import Node, Weights
from napari_saunetv2.engines._openvino import OpenvinoBuilder, convolve
from napari_saunetv2.engines._openvino import model as openvino_model
from napari_saunetv2.errors import CheckpointError

Range = tuple[float, float]
"""Lowest and highest value; the range includes 0."""

_STEPS = 256


class _MeasuringBuilder(OpenvinoBuilder):
    """Also outputs the lowest and highest value of every convolution's input."""

    def __init__(self) -> None:
        self.ends: list[Node] = []

    def convolve(self, x: Node, weights: Weights, bias: Weights | None, before: int, after: int) -> Node:
        self.ends += [ops.reduce_min(x, [1, 2, 3]), ops.reduce_max(x, [1, 2, 3])]
        return super().convolve(x, weights, bias, before, after)


class Int8Builder(OpenvinoBuilder):
    """Builds convolutions of integers.

    Parameters
    ----------
    ranges : sequence of (float, float)
        Input ranges of all convolutions, in build order.
    """

    def __init__(self, ranges: Sequence[Range]) -> None:
        self._ranges = iter(ranges)

    def convolve(self, x: Node, weights: Weights, bias: Weights | None, before: int, after: int) -> Node:
        found = next(self._ranges, None)
        if found is None:
            raise CheckpointError(
                "The model's ranges belong to another network: run saunetv2 calibrate --int8."
            )
        low, high = _with_exact_zero(*found)
        stepped = ops.fake_quantize(x, *map(np.float32, (low, high, low, high)), _STEPS)
        # One scale per output channel; an odd number of steps has a 0 in its middle.
        furthest = np.maximum(np.abs(weights).max((1, 2, 3), keepdims=True), np.float32(1e-9))
        ends = (-furthest, furthest)
        kernel = ops.fake_quantize(ops.constant(weights), *ends, *ends, _STEPS - 1)
        y = convolve(stepped, kernel, before, after)
        return y if bias is None else ops.add(y, bias[None, :, None, None])


def measure(network: nn.Module, canvases: Iterable[NDArray[np.float32]]) -> Iterator[tuple[Range, ...]]:
    """Ranges of the inputs of all convolutions: after every canvas, shape (H, W, 3), the mean so far."""
    builder = _MeasuringBuilder()
    measured = openvino_model(network, builder, checked=False, more=lambda: builder.ends)
    compiled = ov.Core().compile_model(measured, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    total = np.zeros(len(builder.ends))
    for count, canvas in enumerate(canvases, start=1):
        prediction = compiled({0: canvas[None]})
        total += [float(prediction[n + 1][0]) for n in range(len(builder.ends))]
        mean = (total / count).tolist()
        yield tuple((min(0.0, low), max(0.0, high)) for low, high in zip(mean[::2], mean[1::2], strict=True))


def model(network: nn.Module, ranges: Sequence[Range]) -> ov.Model:
    """Build a network with convolutions of integers; input and outputs as of ``_openvino.model``."""
    return openvino_model(network, Int8Builder(ranges))


def _with_exact_zero(low: float, high: float) -> Range:
    """Move the ends by less than a step, so that a step falls on 0: what pads a map must be 0."""
    step = max(high - low, 1e-9) / (_STEPS - 1)
    below = round(-low / step)
    return -below * step, (_STEPS - 1 - below) * step
