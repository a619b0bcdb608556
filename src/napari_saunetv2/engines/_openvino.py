"""OpenVINO: Intel's engine, the fastest on the processors of PCs (extra ``openvino``)."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset13 as ops
from torch import nn

from napari_saunetv2.engines._graph import Node, Weights, build

BLOCK = 4
"""Side of the blocks in which a gate is computed; every level that is not folded is a multiple of it."""


class OpenvinoBuilder:
    """Builds with OpenVINO's operations, in forms that never leave its channels-last layout.

    GroupNorm's own operation would turn every map from channels-last to planes and back. Measurements of this
    and other forms are in ``docs/benchmarks-tried.md``.
    """

    folded = False

    def full(self, x: Node) -> Node:
        """In float32, whatever the precision of maps."""
        return x

    def short(self, x: Node) -> Node:
        """In the precision of maps."""
        return x

    def constant(self, values: Weights) -> Node:
        """Weights in the precision of maps."""
        return ops.constant(np.ascontiguousarray(values))

    def convolve(self, x: Node, weights: Weights, bias: Weights | None, before: int, after: int) -> Node:
        y = convolve(self.short(x), self.constant(weights), before, after)
        return y if bias is None else ops.add(y, self.constant(_channels(bias)))

    def normalise(self, x: Node, part: nn.GroupNorm) -> Node:
        channels, groups = part.num_channels, part.num_groups
        # Mean over the channels of each group, as a 1 x 1 convolution of the channels' means.
        same = np.kron(np.eye(groups), np.full((channels // groups,) * 2, groups / channels))
        group_mean = same.astype(np.float32)[:, :, None, None]
        width = ops.convert(ops.gather(ops.shape_of(x), [3], 0), "f32")
        # Summed row by row: one float32 sum over a whole map would lose the fourth digit.
        lengths = self.full(ops.reduce_l2(x, [3], keep_dims=True))
        squares = ops.multiply(lengths, ops.divide(lengths, width))
        mean_square = convolve(ops.reduce_mean(squares, [2], keep_dims=True), group_mean)
        rows = self.full(ops.reduce_mean(x, [3], keep_dims=True))
        mean = convolve(ops.reduce_mean(rows, [2], keep_dims=True), group_mean)
        variance = ops.relu(ops.subtract(mean_square, ops.multiply(mean, mean)))
        weight, bias = _channels(part.weight.numpy()), _channels(part.bias.numpy())
        factor = ops.divide(weight, ops.sqrt(ops.add(variance, np.float32(part.eps))))
        shift = ops.subtract(bias, ops.multiply(mean, factor))
        # Joined and split again, OpenVINO computes both once; otherwise it does so for every pixel, in one
        # loop with what follows, and in the precision of these small numbers.
        factor, shift = ops.split(ops.concat([factor, shift], 1), 1, 2).outputs()
        return ops.add(ops.multiply(self.full(x), factor), shift)

    def scale(self, x: Node, factor: Weights, shift: Weights) -> Node:
        return ops.add(ops.multiply(self.full(x), _channels(factor)), _channels(shift))

    def interleave(self, x: Node) -> Node:
        # In memory, channels last, a row of the result is one of the upper half of the channels or one of the
        # lower half: both side by side, the same numbers are read as two rows. OpenVINO's own depth-to-space
        # moves pixel by pixel and takes three times as long.
        height, width = (ops.multiply(side, [2]) for side in ops.split(_sides(x), 0, 2).outputs())
        rows = ops.concat(ops.split(x, 1, 2).outputs(), 3)
        channels = x.get_output_partial_shape(0)[1].get_length() // 4
        shape = ops.concat([[1], height, width, [channels]], 0)
        lines = ops.reshape(ops.transpose(rows, [0, 2, 3, 1]), shape, special_zero=False)
        return ops.transpose(lines, [0, 3, 1, 2])

    def fold(self, x: Node) -> Node:
        self.folded = True
        return ops.space_to_depth(x, "blocks_first", 2)

    def silu(self, x: Node) -> Node:
        # OpenVINO's own Swish takes a third more time. It would recognise this one by a negation.
        full = self.full(x)
        return self.short(
            ops.divide(full, ops.add(ops.exp(ops.multiply(full, np.float32(-1))), np.float32(1)))
        )

    def relu(self, x: Node) -> Node:
        return self.short(ops.relu(x))

    def sigmoid(self, x: Node) -> Node:
        return ops.sigmoid(x)

    def halve(self, x: Node) -> Node:
        return ops.max_pool(x, [2, 2], [1, 1], [0, 0], [0, 0], [2, 2]).output(0)

    def join(self, parts: list[Node]) -> Node:
        return ops.concat([self.short(part) for part in parts], 1)

    def add(self, x: Node, y: Node) -> Node:
        return ops.add(self.short(x), self.short(y))

    def multiply(self, x: Node, y: Node) -> Node:
        return ops.multiply(self.short(x), self.short(y))

    def minimum(self, x: Node, y: Node) -> Node:
        return ops.minimum(self.full(x), self.full(y))

    def maximum(self, x: Node, y: Node) -> Node:
        return ops.maximum(self.full(x), self.full(y))

    def gate(self, encoded: Node, decoded: Node, weights: Weights) -> Node:
        weigh = self.plain_gate if self.folded else self.block_gate
        return self.multiply(encoded, weigh(encoded, decoded, weights))

    def plain_gate(self, encoded: Node, decoded: Node, weights: Weights) -> Node:
        """Weight of each pixel, by the definition."""
        means = [self.channel_mean(self.full(x)) for x in (encoded, decoded)]
        return ops.sigmoid(convolve(ops.concat(means, 1), weights, 3, 3))

    def block_gate(self, encoded: Node, decoded: Node, weights: Weights) -> Node:
        """The same, faster."""
        # A 7 x 7 convolution from two channels to one leaves the processor's vectors nearly empty. The same
        # sums, from blocks of 4 x 4 pixels as 16 channels to blocks as 16 channels, fill them.
        blocked = _blocked(weights)
        summed = [
            convolve(_block_means(x), blocked[:, which], 1, 1) for which, x in enumerate((encoded, decoded))
        ]
        return ops.depth_to_space(ops.sigmoid(ops.add(*summed)), "blocks_first", BLOCK)

    def channel_mean(self, x: Node) -> Node:
        return ops.reduce_mean(x, [1], keep_dims=True)

    def channel_maximum(self, x: Node) -> Node:
        return ops.reduce_max(x, [1], keep_dims=True)


def write(network: nn.Module, file: Path, *, checked: bool = True) -> None:
    """Write :func:`model` as OpenVINO's .xml and .bin."""
    ov.save_model(model(network, checked=checked), file, compress_to_fp16=False)


def model(
    network: nn.Module,
    builder: OpenvinoBuilder | None = None,
    *,
    checked: bool = True,
    more: Callable[[], list[Node]] = list,
) -> ov.Model:
    """Build a network; image (1, H, W, 3) of any height and width -> probability (1, classes, H, W).

    With ``checked`` a second output, the mean logit, tells whether all logits are finite; other programs do
    without it. ``more`` gives further outputs, once the network is built.
    """
    builder = builder or OpenvinoBuilder()
    image = ops.parameter([1, -1, -1, 3], np.float32, name="image")
    image.output(0).set_names({"image"})
    logits = builder.full(build(network, builder, ops.transpose(image, [0, 3, 1, 2])))
    probability = builder.sigmoid(logits)
    probability.output(0).set_names({"probability"})
    mean = [ops.reduce_mean(logits, [0, 1, 2, 3], keep_dims=True)] if checked else []
    return ov.Model([probability, *mean, *more()], [image], "saunetv2")


def convolve(x: Node, weights: Weights | Node, before: int = 0, after: int = 0, stride: int = 1) -> Node:
    return ops.convolution(x, weights, [stride] * 2, [before] * 2, [after] * 2, [1, 1])


def _channels(values: Weights) -> Weights:
    return np.ascontiguousarray(values[None, :, None, None])


def _sides(x: Node) -> Node:
    """Height and width."""
    return ops.gather(ops.shape_of(x), [2, 3], 0)


def _block_means(x: Node) -> Node:
    """Mean over channels, (N, C, H, W) -> (N, 16, H / 4, W / 4); channel 4r + s: row r, column s."""
    channels = x.get_output_partial_shape(0)[1].get_length()
    kernel = np.zeros((BLOCK**2, channels, BLOCK, BLOCK), np.float32)
    for place in range(BLOCK**2):
        kernel[place, :, place // BLOCK, place % BLOCK] = 1 / channels
    return convolve(x, kernel, stride=BLOCK)


def _blocked(weights: Weights) -> Weights:
    """A 7 x 7 kernel over pixels as a 3 x 3 one over blocks: (1, C, 7, 7) -> (16, C, 16, 3, 3)."""
    blocked = np.zeros((BLOCK, BLOCK, weights.shape[1], BLOCK, BLOCK, 3, 3), np.float32)
    for row, column, down, right in np.ndindex(BLOCK, BLOCK, 7, 7):
        (block_row, y), (block_column, x) = divmod(row + down - 3, BLOCK), divmod(column + right - 3, BLOCK)
        blocked[row, column, :, y, x, block_row + 1, block_column + 1] = weights[0, :, down, right]
    return blocked.reshape(BLOCK**2, weights.shape[1], BLOCK**2, 3, 3)
