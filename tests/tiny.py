"""A network that takes no time, the file that holds it, and what it learns from."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from napari_saunetv2.models import checkpoint
from napari_saunetv2.networks import NETWORKS
from napari_saunetv2.training import Pair


def save_model(path: Path, **header) -> Path:
    """Write a model with two levels of eight channels and the same weights every time."""
    torch.manual_seed(0)
    arguments = {"widths": [8, 8]}
    if len(header.get("classes", ())) > 1:
        arguments["classes"] = len(header["classes"])
    about = checkpoint.Header(network_arguments=arguments, **header)
    checkpoint.save(path, NETWORKS["saunetv2"](**arguments), about)
    return path


def save_two_classes(path: Path) -> Path:
    """Write the default model with a second map, for arteries and veins: it sees real vessels twice."""
    model = checkpoint.load()
    state, arguments = model.network.state_dict(), {**model.header.network_arguments, "classes": 2}
    weight, bias = state["head.weight"], state["head.bias"]
    state["head.weight"] = torch.cat([weight, weight.roll(1, dims=1) * 0.5])
    state["head.bias"] = torch.cat([bias, bias - 0.5])
    network = NETWORKS[model.header.network](**arguments)
    network.load_state_dict(state)
    header = replace(
        model.header, network_arguments=arguments, classes=("artery", "vein"), scores=(), ranges=(),
        tta_thresholds={},
    )  # fmt: skip
    checkpoint.save(path, network, header)
    return path


def pairs(count: int, height: int, width: int) -> list[Pair]:
    """Make grey pictures with dark lines, which a network learns in a few steps."""
    rng, made = np.random.default_rng(0), []
    for number in range(count):
        vessels = np.zeros((height, width), np.uint8)
        vessels[rng.integers(5, height - 5, 3)] = 1
        image = (150 - 100 * vessels[..., None] + rng.integers(0, 9, (height, width, 3))).astype(np.uint8)
        made.append(Pair(f"image{number}", image, vessels))
    return made


def weights(path: Path) -> dict[str, torch.Tensor]:
    """Read the weights of a model file."""
    return checkpoint.load(path).network.state_dict()
