"""bfloat16 in OpenVINO, with float32 where rounding would change the prediction.

Sums over a whole map (the statistics of GroupNorm) and small differences of large numbers (the first
convolution, whose output still carries the brightness of the photograph) stay in float32. The convolutions,
nearly all of the work, run in bfloat16, and so do maps between layers.

The graph itself says which is which: its maps have bfloat16 as their type. Left to OpenVINO's precision hint,
every map would be written and read again twice around each GroupNorm, to convert it.
"""

from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset13 as ops
from torch import nn

from napari_saunetv2.engines._graph import Node, Weights
from napari_saunetv2.engines._openvino import BLOCK, OpenvinoBuilder, convolve, model


class MixedBuilder(OpenvinoBuilder):
    """Maps in a short type, statistics in float32, and no intermediate maps in the gates.

    Parameters
    ----------
    precision : ov.Type
        Type of the maps; with float32 the same graph without rounding.
    """

    def __init__(self, precision: ov.Type = ov.Type.bf16) -> None:
        self._precision = precision
        self._first = True

    def full(self, x: Node) -> Node:
        return _converted(x, ov.Type.f32)

    def short(self, x: Node) -> Node:
        return _converted(x, self._precision)

    def constant(self, values: Weights) -> Node:
        return ops.constant(np.ascontiguousarray(values), self._precision)

    def convolve(self, x: Node, weights: Weights, bias: Weights | None, before: int, after: int) -> Node:
        if not self._first:
            return super().convolve(x, weights, bias, before, after)
        self._first = False
        y = convolve(self.full(x), weights, before, after)
        return y if bias is None else ops.add(y, bias[None, :, None, None])

    def block_gate(self, encoded: Node, decoded: Node, weights: Weights) -> Node:
        # One strided convolution from all channels to blocks of 4 x 4 pixels: a map of the channels' means,
        # stored in bfloat16, would lose what the 7 x 7 kernel looks for.
        first, second = (
            convolve(self.short(x), self.constant(_from_channels(weights[0, which], x)), 3, 3, BLOCK)
            for which, x in enumerate((encoded, decoded))
        )
        return ops.depth_to_space(ops.sigmoid(ops.add(first, second)), "blocks_first", BLOCK)


def write(network: nn.Module, file: Path) -> None:
    """Write a network as .xml and .bin."""
    ov.save_model(model(network, MixedBuilder()), file, compress_to_fp16=False)


def exact(network: nn.Module) -> ov.Model:
    """Build the same graph with maps in float32: whether it is the network, apart from rounding."""
    return model(network, MixedBuilder(ov.Type.f32))


def in_memory(network: nn.Module) -> ov.Model:
    """Build a network as :func:`write` does."""
    return model(network, MixedBuilder())


def _converted(x: Node, precision: ov.Type) -> Node:
    return x if x.get_element_type() == precision else ops.convert(x, precision.get_type_name())


def _from_channels(kernel: Weights, x: Node) -> Weights:
    """Expand a (7, 7) kernel over the channels' mean: (16, C, 10, 10), output 4r + s for row r, column s."""
    channels = x.get_output_partial_shape(0)[1].get_length()
    side = BLOCK + len(kernel) - 1
    expanded = np.zeros((BLOCK, BLOCK, channels, side, side), np.float32)
    for row, column in np.ndindex(BLOCK, BLOCK):
        expanded[row, column, :, row : row + len(kernel), column : column + len(kernel)] = kernel / channels
    return expanded.reshape(BLOCK**2, channels, side, side)
