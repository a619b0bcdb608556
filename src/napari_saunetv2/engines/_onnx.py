"""ONNX, the exchange format, and ONNX Runtime (extra ``onnx``)."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from napari_saunetv2.engines._finite import require_finite
from napari_saunetv2.engines._graph import Node, Weights, build
from napari_saunetv2.files import write_beside

OPSET = 17
"""The first with all operations needed here; every runtime since 2022 supports it."""

_IR = 8  # the file format of that opset


class OnnxBuilder:
    """Builds with ONNX's operations, for images of any height and width."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.channels = 0  # output channels of the last convolution: at the end, the number of classes

    def node(self, operation: str, *inputs: Node, **settings: Any) -> Node:
        name = f"{operation.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operation, inputs, [name], name=name, **settings))
        return name

    def constant(self, values: NDArray[Any]) -> Node:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def convolve(self, x: Node, weights: Weights, bias: Weights | None, before: int, after: int) -> Node:
        self.channels = len(weights)
        inputs = [x, self.constant(weights)] + ([] if bias is None else [self.constant(bias)])
        return self.node("Conv", *inputs, pads=[before, before, after, after])

    def normalise(self, x: Node, part: nn.GroupNorm) -> Node:
        # Not by InstanceNormalization: ONNX Runtime adds up a million numbers one after another there, which
        # shows in the fourth digit of a probability. Means of rows, and of those, lose nothing.
        centred = self.node("Sub", x, self._group_mean(x, part))
        variance = self._group_mean(self.multiply(centred, centred), part)
        spread = self.node("Sqrt", self.add(variance, self.constant(np.array(part.eps, np.float32))))
        factor = self.node("Div", self.constant(part.weight.numpy()[:, None, None]), spread)
        return self.add(self.multiply(centred, factor), self.constant(part.bias.numpy()[:, None, None]))

    def _group_mean(self, x: Node, part: nn.GroupNorm) -> Node:
        """Mean over each group of channels, as (batch, channels, 1, 1)."""

        def shaped(node: Node, *shape: int) -> Node:
            return self.node("Reshape", node, self.constant(np.array(shape, np.int64)))

        rows = self.node("ReduceMean", x, axes=[3], keepdims=1)
        mean = self.node("ReduceMean", shaped(rows, 0, part.num_groups, -1), axes=[2], keepdims=1)
        each = np.ones((1, 1, part.num_channels // part.num_groups), np.float32)
        return shaped(self.multiply(mean, self.constant(each)), 0, part.num_channels, 1, 1)

    def scale(self, x: Node, factor: Weights, shift: Weights) -> Node:
        scaled = self.node("Mul", x, self.constant(factor[:, None, None]))
        return self.node("Add", scaled, self.constant(shift[:, None, None]))

    def interleave(self, x: Node) -> Node:
        return self.node("DepthToSpace", x, blocksize=2, mode="DCR")

    def fold(self, x: Node) -> Node:
        return self.node("SpaceToDepth", x, blocksize=2)

    def silu(self, x: Node) -> Node:
        return self.node("Mul", x, self.node("Sigmoid", x))

    def relu(self, x: Node) -> Node:
        return self.node("Relu", x)

    def sigmoid(self, x: Node) -> Node:
        return self.node("Sigmoid", x)

    def halve(self, x: Node) -> Node:
        return self.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])

    def join(self, parts: list[Node]) -> Node:
        return self.node("Concat", *parts, axis=1)

    def add(self, x: Node, y: Node) -> Node:
        return self.node("Add", x, y)

    def multiply(self, x: Node, y: Node) -> Node:
        return self.node("Mul", x, y)

    def minimum(self, x: Node, y: Node) -> Node:
        return self.node("Min", x, y)

    def maximum(self, x: Node, y: Node) -> Node:
        return self.node("Max", x, y)

    def gate(self, encoded: Node, decoded: Node, weights: Weights) -> Node:
        summary = self.join([self.channel_mean(encoded), self.channel_mean(decoded)])
        return self.multiply(encoded, self.sigmoid(self.convolve(summary, weights, None, 3, 3)))

    def channel_mean(self, x: Node) -> Node:
        return self.node("ReduceMean", x, axes=[1], keepdims=1)

    def channel_maximum(self, x: Node) -> Node:
        return self.node("ReduceMax", x, axes=[1], keepdims=1)


class OnnxRunner:
    """A network on ONNX Runtime, in float32."""

    def __init__(self, source: Path | bytes) -> None:
        import onnxruntime  # imported here, because exporting does not need it

        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = torch.get_num_threads()
        settings.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(source, settings, providers=["CPUExecutionProvider"])

    def __call__(self, canvas: NDArray[np.float32]) -> NDArray[np.float32]:
        """Canvas, shape (H, W, 3) -> probability of every class, (classes, H, W)."""
        planes = np.ascontiguousarray(canvas.transpose(2, 0, 1)[None])
        prediction, *mean_logit = self._session.run(None, {"image": planes})
        require_finite(mean_logit)
        probability: NDArray[np.float32] = prediction[0]
        return probability


def write(network: nn.Module, file: Path, *, checked: bool = True) -> None:
    """Write :func:`model` to a file."""
    write_beside(file, lambda out: out.write(model(network, checked=checked).SerializeToString()))


def model(network: nn.Module, *, checked: bool = True) -> onnx.ModelProto:
    """Build a network; image (batch, 3, height, width) -> probability (batch, classes, height, width).

    With ``checked`` a second output, the mean logit, tells whether all logits are finite; other programs do
    without it.
    """
    builder = OnnxBuilder()
    logits = build(network, builder, "image")
    builder.nodes.append(helper.make_node("Sigmoid", [logits], ["probability"]))
    axes = ("batch", "height", "width")
    outputs = [_float_map("probability", axes[0], builder.channels, *axes[1:])]
    if checked:
        mean = helper.make_node("ReduceMean", [logits], ["mean_logit"], axes=[0, 1, 2, 3], keepdims=1)
        builder.nodes.append(mean)
        outputs.append(_float_map("mean_logit", 1, 1, 1, 1))
    graph = helper.make_graph(
        builder.nodes, "saunetv2", [_float_map("image", axes[0], 3, *axes[1:])], outputs, builder.constants
    )
    opset = helper.make_opsetid("", OPSET)
    made = helper.make_model(graph, producer_name="napari-saunetv2", opset_imports=[opset], ir_version=_IR)
    onnx.checker.check_model(made, full_check=True)
    return made


def _float_map(name: str, *shape: str | int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
