"""Prepare a network for an engine and precision."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from napari_saunetv2.engines import _export
from napari_saunetv2.engines._types import Runner
from napari_saunetv2.models.checkpoint import Checkpoint

if TYPE_CHECKING:
    import torch
    from torch import nn


def make(model: Checkpoint, device: str, engine: str, precision: str) -> Runner:
    """Prepare a model, from its export if the engine uses one."""
    if engine == "torch":
        return runner_of(model.network, device, engine, precision)
    if precision == "int8":  # rebuilt in milliseconds
        _export.reference(model)  # integers would turn an infinite value into a plausible one
        return runner_of(model.network, device, engine, precision, model.header.ranges)
    file = _export.exported(model, engine, precision)
    if engine == "onnx":
        from napari_saunetv2.engines._onnx import OnnxRunner

        return OnnxRunner(file)
    from napari_saunetv2.engines._compiled import OpenvinoRunner

    return OpenvinoRunner(file, precision)


def runner_of(
    network: "nn.Module",
    device: "str | torch.device",
    engine: str,
    precision: str,
    ranges: Sequence[tuple[float, float]] = (),
) -> Runner:
    """Prepare a network that is not a saved model, such as one with frozen statistics; nothing is cached.

    ``ranges`` are those of the model's header; only "int8" needs them.
    """
    if engine == "torch":
        from napari_saunetv2.engines._torch import TorchRunner

        return TorchRunner(network, device, precision)
    if engine == "onnx":
        from napari_saunetv2.engines import _onnx

        return _onnx.OnnxRunner(_onnx.model(network).SerializeToString())
    from napari_saunetv2.engines import _compiled, _int8, _mixed, _openvino

    build = {
        "float32": lambda: _openvino.model(network),
        "bfloat16": lambda: _mixed.in_memory(network),
        "int8": lambda: _int8.model(network, ranges),
    }
    return _compiled.OpenvinoRunner(build[precision](), precision)
