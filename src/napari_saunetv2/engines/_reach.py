"""Receptive field: the distance at which an image pixel can still change an output pixel."""

from typing import NamedTuple

from torch import nn

from napari_saunetv2.engines._graph import Weights, build
from napari_saunetv2.errors import CheckpointError

UNKNOWN = 128
"""Default in pixels, for networks with unknown layers."""


class _View(NamedTuple):
    reach: int  # pixels of the image
    step: int  # pixels of the image between two of the map


class _ReachBuilder:
    """Tracks the receptive field of every map; statistics over whole maps do not count."""

    def convolve(self, x: _View, weights: Weights, _bias: object, _before: int, _after: int) -> _View:
        return x._replace(reach=x.reach + weights.shape[-1] // 2 * x.step)

    def interleave(self, x: _View) -> _View:
        return x._replace(step=x.step // 2)

    def fold(self, x: _View) -> _View:
        return x._replace(step=2 * x.step)

    def halve(self, x: _View) -> _View:
        return _View(x.reach + x.step, 2 * x.step)

    def join(self, parts: list[_View]) -> _View:
        return max(parts)

    def add(self, x: _View, y: _View) -> _View:
        return max(x, y)

    multiply = minimum = maximum = add

    def gate(self, encoded: _View, decoded: _View, weights: Weights) -> _View:
        return self.convolve(max(encoded, decoded), weights, None, 0, 0)

    def same(self, x: _View, *_: object) -> _View:
        return x

    normalise = scale = silu = relu = sigmoid = channel_mean = channel_maximum = same


def reach(network: nn.Module) -> int:
    """Maximum distance in pixels between an output pixel and the image pixels it depends on.

    GroupNorm's statistics, which depend on every pixel, are ignored.
    """
    try:
        return int(build(network, _ReachBuilder(), _View(0, 1)).reach)
    except CheckpointError:
        return UNKNOWN
