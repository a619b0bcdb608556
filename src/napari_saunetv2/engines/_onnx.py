"""ONNX, the exchange format, and ONNX Runtime (extra ``onnx``)."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from napari_saunetv2.engines._graph import Node, Weights, draw
from napari_saunetv2.files import write_beside

OPSET = 17
"""The first with all that is drawn here; every runtime since 2022 knows it."""

_IR = 8  # the file format of that opset


class OnnxPen:
    """Writes down a network with ONNX's operations, for images of any height and width."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def draw(self, operation: str, *inputs: Node, **settings: Any) -> Node:
        name = f"{operation.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operation, inputs, [name], name=name, **settings))
        return name

    def constant(self, values: NDArray[Any]) -> Node:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def convolve(self, x: Node, weights: Weights, bias: Weights | None, before: int, after: int) -> Node:
        inputs = [x, self.constant(weights)] + ([] if bias is None else [self.constant(bias)])
        return self.draw("Conv", *inputs, pads=[before, before, after, after])

    def normalise(self, x: Node, part: nn.GroupNorm) -> Node:
        # Not by InstanceNormalization: ONNX Runtime adds up a million numbers one after another there, which
        # shows in the fourth digit of a probability. Means of rows, and of those, lose nothing.
        centred = self.draw("Sub", x, self._group_mean(x, part))
        variance = self._group_mean(self.multiply(centred, centred), part)
        spread = self.draw("Sqrt", self.add(variance, self.constant(np.array(part.eps, np.float32))))
        factor = self.draw("Div", self.constant(part.weight.numpy()[:, None, None]), spread)
        return self.add(self.multiply(centred, factor), self.constant(part.bias.numpy()[:, None, None]))

    def _group_mean(self, x: Node, part: nn.GroupNorm) -> Node:
        """Mean over each group of channels, as (batch, channels, 1, 1)."""

        def shaped(node: Node, *shape: int) -> Node:
            return self.draw("Reshape", node, self.constant(np.array(shape, np.int64)))

        rows = self.draw("ReduceMean", x, axes=[3], keepdims=1)
        mean = self.draw("ReduceMean", shaped(rows, 0, part.num_groups, -1), axes=[2], keepdims=1)
        each = np.ones((1, 1, part.num_channels // part.num_groups), np.float32)
        return shaped(self.multiply(mean, self.constant(each)), 0, part.num_channels, 1, 1)

    def scale(self, x: Node, factor: Weights, shift: Weights) -> Node:
        scaled = self.draw("Mul", x, self.constant(factor[:, None, None]))
        return self.draw("Add", scaled, self.constant(shift[:, None, None]))

    def interleave(self, x: Node) -> Node:
        return self.draw("DepthToSpace", x, blocksize=2, mode="DCR")

    def silu(self, x: Node) -> Node:
        return self.draw("Mul", x, self.draw("Sigmoid", x))

    def relu(self, x: Node) -> Node:
        return self.draw("Relu", x)

    def sigmoid(self, x: Node) -> Node:
        return self.draw("Sigmoid", x)

    def halve(self, x: Node) -> Node:
        return self.draw("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])

    def join(self, parts: list[Node]) -> Node:
        return self.draw("Concat", *parts, axis=1)

    def add(self, x: Node, y: Node) -> Node:
        return self.draw("Add", x, y)

    def multiply(self, x: Node, y: Node) -> Node:
        return self.draw("Mul", x, y)

    def gate(self, encoded: Node, decoded: Node, weights: Weights) -> Node:
        summary = self.join([self.channel_mean(encoded), self.channel_mean(decoded)])
        return self.multiply(encoded, self.sigmoid(self.convolve(summary, weights, None, 3, 3)))

    def channel_mean(self, x: Node) -> Node:
        return self.draw("ReduceMean", x, axes=[1], keepdims=1)

    def channel_maximum(self, x: Node) -> Node:
        return self.draw("ReduceMax", x, axes=[1], keepdims=1)


class OnnxRunner:
    """A network on ONNX Runtime, in float32."""

    def __init__(self, source: Path | bytes) -> None:
        import onnxruntime  # here, because a model is exported without it

        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = torch.get_num_threads()
        settings.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(source, settings, providers=["CPUExecutionProvider"])

    def __call__(self, canvas: NDArray[np.float32]) -> NDArray[np.float32]:
        """Canvas, shape (H, W, 3) -> probability of every class, (classes, H, W)."""
        planes = np.ascontiguousarray(canvas.transpose(2, 0, 1)[None])
        answer: NDArray[np.float32] = self._session.run(None, {"image": planes})[0][0]
        return answer


def write(network: nn.Module, file: Path, channels: int = 3, classes: int = 1) -> None:
    """Write a network as an ONNX file."""
    write_beside(file, lambda out: out.write(model(network, channels, classes).SerializeToString()))


def model(network: nn.Module, channels: int = 3, classes: int = 1) -> onnx.ModelProto:
    """Write a network down; image (batch, channels, height, width) -> probability, same height and width."""
    pen = OnnxPen()
    last = draw(network, pen, "image")
    pen.nodes.append(helper.make_node("Identity", [last], ["probability"]))
    axes = ("batch", "height", "width")
    graph = helper.make_graph(
        pen.nodes,
        "saunetv2",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [axes[0], channels, *axes[1:]])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, [axes[0], classes, *axes[1:]])],
        pen.constants,
    )
    opset = helper.make_opsetid("", OPSET)
    made = helper.make_model(graph, producer_name="napari-saunetv2", opset_imports=[opset], ir_version=_IR)
    onnx.checker.check_model(made, full_check=True)
    return made
