"""Runners of a network: torch, or a faster installed engine with the same prediction."""

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from napari_saunetv2.config import Engine, Precision
from napari_saunetv2.engines._choice import COMPARING, choice, is_known
from napari_saunetv2.engines._making import make, runner_of
from napari_saunetv2.engines._threads import threads
from napari_saunetv2.engines._types import Runner
from napari_saunetv2.engines.installed import engines as installed
from napari_saunetv2.models.checkpoint import Checkpoint

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["COMPARING", "Runner", "choice", "installed", "is_known", "reach", "runner", "runner_of"]

_RUNNERS: WeakKeyDictionary[Checkpoint, dict[Any, Runner]] = WeakKeyDictionary()


def runner(
    model: Checkpoint, device: "str | torch.device", engine: Engine = "auto", precision: Precision = "auto"
) -> Runner:
    """Prepare a model to run; the result is cached.

    Parameters
    ----------
    model : Checkpoint
    device : str or torch.device
        Engines other than torch run on the CPU.
    engine : "auto", "torch", "openvino" or "onnx"
        "auto" is the fastest of those installed, as measured once on this processor; torch in float32 for a
        model that was never saved.
    precision : "auto", "float32", "bfloat16" or "int8"
        "auto" is the fastest that moves at most .3 % of the vessel pixels of any test image across the
        threshold, and F1 by at most .0003; "int8" needs OpenVINO and a model with ranges for it.

    Raises
    ------
    SettingsError
        If the engine is unknown, not installed, lacks the precision, or does not run on the device.
    CheckpointError
        If the engine's prediction differs from torch's or is not finite, or the engine cannot run the
        network.
    """
    kept = _RUNNERS.setdefault(model, {})
    wish = (engine, precision, str(device), threads())
    if wish not in kept:
        kept[wish] = make(model, str(device), *choice(model, device, engine, precision))
    return kept[wish]


def reach(network: "nn.Module") -> int:
    """Maximum distance in pixels between an output pixel and the image pixels it depends on."""
    from napari_saunetv2.engines import _reach

    return _reach.reach(network)
