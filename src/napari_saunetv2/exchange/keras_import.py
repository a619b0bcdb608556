"""Conversion of the authors' Keras weights (.h5).

A Keras file names its layers with one counter per layer type (``conv2d``, ``conv2d_1``, ...), which may start
at any number. Sorted by it, the layers of a type are in the order of the network's code, which is the order
in which our modules run. So each type is matched in that order and every shape is checked.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_saunetv2.errors import CheckpointError, SettingsError
from napari_saunetv2.models.checkpoint import Header
from napari_saunetv2.networks import NETWORKS

Array = NDArray[np.float32]

MAX_WEIGHTS = 100_000_000
"""Files that claim more weights are refused before reading them."""

MAX_FILE = 2**30
"""Maximum file size: 1 GiB; the authors' files have 1 to 20 MB."""

_FIELDS = {
    "kernel": "weight",
    "gamma": "weight",
    "beta": "bias",
    "bias": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
"""Keras' name of a parameter -> torch's."""


class _Kind(NamedTuple):
    """A type of layer: Keras layers are recognised by the names and dimensions of their weights."""

    module: type[nn.Module]
    layer_name: str


_KINDS = (
    _Kind(nn.ConvTranspose2d, r"conv2d_transpose"),
    _Kind(nn.Conv2d, r"conv2d"),
    _Kind(nn.GroupNorm, r"group_?norm(?:alization)?"),
    _Kind(nn.BatchNorm2d, r"batch_?norm(?:alization)?"),
)


def load_keras(path: Path, network: str) -> tuple[nn.Module, Header]:
    """Build a network with the weights of a Keras file.

    Parameters
    ----------
    path : Path
        File written by Keras' ``save_weights`` or ``save``.
    network : str
        Key in ``NETWORKS``.

    Returns
    -------
    module, Header
        The network in evaluation mode, and a header that states its origin.

    Raises
    ------
    SettingsError
        If there is no such network, or h5py is not installed.
    CheckpointError
        If the file is not a Keras weights file, or holds another network.
    """
    if network not in NETWORKS:
        raise SettingsError(f"There is no network '{network}': choose {', '.join(NETWORKS)}.")
    built = NETWORKS[network]()
    layers = _read(path)
    for kind in _KINDS:
        modules = [m for m in _in_order(built) if isinstance(m, kind.module)]
        chosen = _of_kind(layers, kind)
        if len(modules) != len(chosen):
            raise CheckpointError(
                f"'{path.name}' has {len(chosen)} {kind.module.__name__} layers where {network} has "
                f"{len(modules)}: it holds another network."
            )
        for module, (name, weights) in zip(modules, chosen, strict=True):
            _copy(path, name, weights, module)
    header = Header(
        network=network, padding=PADDING.get(network, "centre"), data={"imported from": path.name}
    )
    return built.eval(), header


PADDING: dict[str, Any] = {"saunetv2": "corner"}
"""How the authors' programs pad the image: SA-UNetv2 in the corner, all others in the centre."""


def _in_order(network: nn.Module) -> Iterator[nn.Module]:
    """Modules in the order in which they run, which is Keras' order of creation."""
    order: list[nn.Module] = []
    hooks = [m.register_forward_hook(lambda module, *_: order.append(module)) for m in network.modules()]
    with torch.inference_mode():
        network.eval()(torch.zeros(1, 3, 16, 16))
    for hook in hooks:
        hook.remove()
    return iter(order)


def _read(path: Path) -> dict[str, dict[str, Array]]:
    """Layers by name, each with its weights by their last name ("kernel")."""
    try:
        import h5py
    except ImportError as error:
        raise SettingsError(
            "Reading Keras files needs h5py: install it with pip install 'napari-saunetv2[keras]'."
        ) from error

    if os.path.isfile(path) and os.path.getsize(path) > MAX_FILE:  # noqa: PTH113, PTH202 (take any name)
        raise CheckpointError(
            f"'{path.name}' is larger than {MAX_FILE / 2**30:.0f} GiB: give a Keras weights file."
        )
    layers: dict[str, dict[str, Array]] = {}
    left = MAX_WEIGHTS

    def visit(name: str, item: object) -> None:
        nonlocal left
        # Beside weights there may be counters: of random draws, of steps.
        if not isinstance(item, h5py.Dataset) or "optimizer" in name or item.dtype.kind != "f":
            return
        if item.external or item.is_virtual:
            raise CheckpointError(
                f"'{path.name}' refers to another file for '{name}': use a file that contains its own "
                "weights."
            )
        left -= item.size or 0
        if left < 0:
            raise CheckpointError(
                f"'{path.name}' claims '{name}' of shape {item.shape}, over {MAX_WEIGHTS:,} weights in all: "
                "none of these networks is so large; download the file again."
            )
        *_, layer, weight = name.split("/")
        layers.setdefault(layer, {})[weight.split(":")[0]] = item[()].astype(np.float32)

    try:
        with h5py.File(path, "r") as file:
            file.visititems(visit)  # does not follow links, so that everything it visits is in this file
    except CheckpointError:
        raise
    except FileNotFoundError as error:
        raise CheckpointError(f"'{path}' does not exist: check the name.") from error
    except Exception as error:  # damaged files make h5py raise almost anything
        raise CheckpointError(
            f"'{path.name}' is not a Keras weights file (.h5) or is damaged: download it again."
        ) from error
    if not all(np.isfinite(array).all() for weights in layers.values() for array in weights.values()):
        raise CheckpointError(f"'{path.name}' holds weights that are not finite: download it again.")
    return layers


def _of_kind(layers: dict[str, dict[str, Array]], kind: _Kind) -> list[tuple[str, dict[str, Array]]]:
    pattern = re.compile(rf"{kind.layer_name}(?:_(\d{{1,9}}))?", re.I)
    matched = ((pattern.fullmatch(name), name) for name in layers)
    counted = sorted((int(match[1] or 0), name) for match, name in matched if match)
    return [(name, layers[name]) for _, name in counted]


def _copy(path: Path, layer: str, weights: dict[str, Array], module: nn.Module) -> None:
    mine: dict[str, Tensor] = {k: v for k, v in module.state_dict().items() if k != "num_batches_tracked"}
    found = {_FIELDS.get(name, name): _as_torch(array) for name, array in weights.items()}
    if {k: v.shape for k, v in mine.items()} != {k: v.shape for k, v in found.items()}:
        raise CheckpointError(
            f"'{path.name}' holds another network: its layer '{layer}' has weights of shapes "
            f"{_shapes(found)}, where {_shapes(mine)} are expected; name the network with --network."
        )
    for name, tensor in mine.items():
        tensor.copy_(found[name])


def _shapes(weights: dict[str, Tensor]) -> str:
    return ", ".join(str(tuple(weights[name].shape)) for name in sorted(weights))


def _as_torch(array: Array) -> Tensor:
    # Keras: (height, width, in, out), transposed ones (height, width, out, in); torch: the last two first.
    return torch.from_numpy(array.transpose(3, 2, 0, 1).copy() if array.ndim == 4 else array)
