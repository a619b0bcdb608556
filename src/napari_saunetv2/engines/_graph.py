"""A trained network, rebuilt from the operations of another engine.

torch's own exporters take seconds and do not know which form of an operation an engine runs fastest. These
networks consist of only a dozen types of layers, so they are rebuilt layer by layer, in milliseconds.
"""

import operator
import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, fx, nn

from napari_saunetv2.errors import CheckpointError
from napari_saunetv2.networks._blocks import (
    CrossScaleAttention,
    DropBlock2d,
    Fold,
    GroupNorm,
    SpatialAttention,
    Unfold,
    UpSample,
)

Node: TypeAlias = Any
"""A value in the graph; only the builder knows its type."""

Weights: TypeAlias = NDArray[np.float32]


class GraphBuilder(Protocol):
    """The operations that an engine offers; maps are (N, C, H, W)."""

    def convolve(self, x: Node, weights: Weights, bias: Weights | None, before: int, after: int) -> Node:
        """Convolve with ``before`` rows and columns of zeros at the top and left, ``after`` at the others."""

    def normalise(self, x: Node, part: nn.GroupNorm) -> Node:
        """GroupNorm by the statistics of the map itself."""

    def scale(self, x: Node, factor: Weights, shift: Weights) -> Node:
        """Multiply every channel, then add to it."""

    def interleave(self, x: Node) -> Node:
        """Shape (N, 4C, H, W) -> (N, C, 2H, 2W); channel (2r + s) C + c goes to row 2i + r, column 2j + s."""

    def fold(self, x: Node) -> Node:
        """Undo ``interleave``."""

    def silu(self, x: Node) -> Node:
        """Multiply by its sigmoid (SiLU)."""

    def relu(self, x: Node) -> Node:
        """Set negative values to zero."""

    def sigmoid(self, x: Node) -> Node:
        """Logit to probability."""

    def halve(self, x: Node) -> Node:
        """Maximum of every 2 x 2 pixels."""

    def join(self, parts: list[Node]) -> Node:
        """Maps with the channels of all parts."""

    def add(self, x: Node, y: Node) -> Node:
        """Sum."""

    def multiply(self, x: Node, y: Node) -> Node:
        """Product; ``y`` may have one channel."""

    def minimum(self, x: Node, y: Node) -> Node:
        """Smaller value of every pixel; ``x`` may have one channel."""

    def maximum(self, x: Node, y: Node) -> Node:
        """Larger value of every pixel."""

    def gate(self, encoded: Node, decoded: Node, weights: Weights) -> Node:
        """Cross-scale attention; ``weights`` of shape (1, 2, 7, 7)."""

    def channel_mean(self, x: Node) -> Node:
        """One map, the mean of all."""

    def channel_maximum(self, x: Node) -> Node:
        """One map, the maximum of all."""


class Joined(NamedTuple):
    """Maps with equal channels that are not concatenated yet."""

    parts: list[Node]


_TRACING = threading.Lock()
"""fx traces by patching methods of nn.Module globally: two traces at once would not restore them."""


class _Tracer(fx.Tracer):
    """Treat the modules in :data:`_PARTS` as leaves, and trace into all others.

    Networks that run in other threads meanwhile also call this, and must not be affected.
    """

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if threading.get_ident() != self._thread:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        if threading.get_ident() != self._thread:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:  # noqa: ARG002
        return type(m) in _PARTS


class _Replay(fx.Interpreter):
    """Run a traced network on a builder's nodes instead of tensors."""

    def __init__(self, traced: fx.GraphModule, builder: GraphBuilder) -> None:
        super().__init__(traced)
        self._builder = builder

    def call_module(self, target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:  # noqa: ARG002
        part = self.fetch_attr(target)
        return _PARTS[type(part)](self._builder, part, *args)

    def call_function(self, target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:  # noqa: ARG002
        return _FUNCTIONS[target](self._builder, *args)


def build(network: nn.Module, builder: GraphBuilder, image: Node) -> Node:
    """Rebuild a network: image, shape (N, C, H, W) -> logits, (N, classes, H, W).

    Raises
    ------
    CheckpointError
        If the network has a layer that only torch can run.
    """
    try:
        with _TRACING:
            traced = fx.GraphModule(network, _Tracer().trace(network))
        return _Replay(traced, builder).run(image)
    except (KeyError, TypeError, RuntimeError, fx.proxy.TraceError) as error:  # fx turns one into another
        raise CheckpointError(
            f"A network of type {type(network).__name__} has layers that only torch can run: "
            "choose engine 'torch'."
        ) from error


def _convolution(builder: GraphBuilder, part: nn.Conv2d, x: Node) -> Node:
    weights, bias = _numpy(part.weight), None if part.bias is None else _numpy(part.bias)
    reach = part.kernel_size[0] // 2
    if not isinstance(x, Joined):
        return builder.convolve(x, weights, bias, reach, reach)
    # A convolution of concatenated maps is the sum of convolutions of each: nothing is copied, and engines
    # add in place.
    shares = np.split(weights, len(x.parts), axis=1)
    total = builder.convolve(x.parts[0], shares[0], bias, reach, reach)
    for piece, share in zip(x.parts[1:], shares[1:], strict=True):
        total = builder.add(total, builder.convolve(piece, share, None, reach, reach))
    return total


def _up(builder: GraphBuilder, part: UpSample, x: Node) -> Node:
    # The four 2 x 2 convolutions of UpSample, so ordered that interleaving moves pixels with all channels.
    channels_in, channels_out = part.weight.shape[:2]
    kernel = F.pad(part.weight, (0, 1, 0, 1)).view(channels_in, channels_out, 2, 2, 2, 2)
    kernel = kernel.permute(3, 5, 1, 0, 2, 4).flip(4, 5).reshape(4 * channels_out, channels_in, 2, 2)
    assert part.bias is not None
    return builder.interleave(builder.convolve(x, _numpy(kernel), _numpy(part.bias.repeat(4)), 1, 0))


def _group_norm(builder: GraphBuilder, part: nn.GroupNorm, x: Node) -> Node:
    return builder.normalise(x, part)


def _batch_norm(builder: GraphBuilder, part: nn.BatchNorm2d, x: Node) -> Node:
    assert part.running_var is not None
    assert part.running_mean is not None
    factor = part.weight * torch.rsqrt(part.running_var + part.eps)
    return builder.scale(_whole(builder, x), _numpy(factor), _numpy(part.bias - part.running_mean * factor))


def _spatial(builder: GraphBuilder, part: SpatialAttention, x: Node) -> Node:
    summary = builder.join([builder.channel_mean(x), builder.channel_maximum(x)])
    return builder.multiply(
        x, builder.sigmoid(builder.convolve(summary, _numpy(part.weigh.weight), None, 3, 3))
    )


def _gate(builder: GraphBuilder, part: CrossScaleAttention, encoded: Node, decoded: Node) -> Node:
    return builder.gate(encoded, decoded, _numpy(part.weigh.weight))


def _whole(builder: GraphBuilder, x: Node) -> Node:
    return builder.join(x.parts) if isinstance(x, Joined) else x


def _numpy(tensor: Tensor) -> Weights:
    return np.ascontiguousarray(tensor.detach().float().cpu().numpy())


def _join(builder: GraphBuilder, parts: list[Node], dim: int = 1) -> Node:  # noqa: ARG001
    return Joined(list(parts))


def _same(builder: GraphBuilder, part: nn.Module, x: Node) -> Node:  # noqa: ARG001
    return x


_PARTS: dict[type[nn.Module], Callable[..., Node]] = {
    nn.Conv2d: _convolution,
    UpSample: _up,
    nn.GroupNorm: _group_norm,
    GroupNorm: _group_norm,
    nn.BatchNorm2d: _batch_norm,
    nn.SiLU: lambda builder, _, x: builder.silu(x),
    nn.ReLU: lambda builder, _, x: builder.relu(x),
    SpatialAttention: _spatial,
    CrossScaleAttention: _gate,
    Fold: lambda builder, _, x: builder.fold(_whole(builder, x)),
    Unfold: lambda builder, _, x: builder.interleave(x),
    DropBlock2d: _same,
    nn.Identity: _same,
}

_FUNCTIONS: dict[Callable[..., Any], Callable[..., Node]] = {
    F.max_pool2d: lambda builder, x, _: builder.halve(x),
    torch.cat: _join,
    torch.sigmoid: lambda builder, x: builder.sigmoid(x),
    torch.minimum: lambda builder, x, y: builder.minimum(x, y),
    torch.maximum: lambda builder, x, y: builder.maximum(x, y),
    operator.add: lambda builder, x, y: builder.add(_whole(builder, x), _whole(builder, y)),
}
