"""Loss and gradients of one step of several networks, in double precision, into the file that is named."""

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import torch

from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.training import Pair, TrainConfig, ahead, processes, steps
from napari_saunetv2.training.ahead import Ahead
from napari_saunetv2.training.views import Batch, batch, prepare

WIDTHS = {"widths": (8, 8, 16), "dropblock": 0.1}
CONFIG = TrainConfig(network_arguments=WIDTHS, batch=4, crop=32, inside_field=True, precision="float32")


def gradients() -> dict[str, torch.Tensor]:
    networks = ("saunetv2", "saunet", "rsan")
    each = {name: _gradients(replace(CONFIG, network=name)) for name in networks}
    return {f"{name}.{part}": value for name, found in each.items() for part, value in found.items()}


def _gradients(config: TrainConfig) -> dict[str, torch.Tensor]:
    samples = [fundus((64, 64), number) for number in range(2)]
    images = [prepare(Pair(str(n), s.image, s.vessels), config) for n, s in enumerate(samples)]
    state = steps.initial_state(config, None, torch.device("cpu"))
    state.network.double()
    state.mean.double()
    state.optimiser = Mock(param_groups=[])  # what the gradients are, not what Adam makes of them
    loss = steps.one_step(state, Ahead(images, config), config, torch.device("cpu"))
    found = {name: p.grad for name, p in state.network.named_parameters()}
    return {**found, "loss": torch.tensor(loss, dtype=torch.float64)}


def in_double_precision(patch: Callable[[object, str, object], None]) -> None:
    patch(torch.Tensor, "float", lambda self: self)
    patch(ahead, "batch", _doubled)


def _doubled(*args: Any) -> Batch:
    views, vessels, weight, observers = batch(*args)
    return Batch(views.double(), vessels.double(), weight.double(), observers)


if __name__ == "__main__":
    in_double_precision(setattr)
    with processes.launched("cpu"):
        found = gradients()
        if processes.is_main_process():
            torch.save(found, sys.argv[1])
