"""The weights of a model file: checked against its header, and put into the network that it names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from napari_saunetv2.errors import CheckpointError
from napari_saunetv2.models import _intact
from napari_saunetv2.models.header import Header, damaged, read, short
from napari_saunetv2.networks import NETWORKS


def load(path: Path) -> tuple[Header, nn.Module]:
    """Header and network, in evaluation mode; raises CheckpointError for a file that cannot be used."""
    claims = read(path)
    header = claims.header
    network = _build(path, header, claims.shapes)
    try:
        weights = safetensors.torch.load(path.read_bytes())
    except (safetensors.SafetensorError, OSError) as error:
        raise damaged(path) from error
    if digest(claims.plain, weights) != header.sha256:
        raise damaged(path)
    if not all(tensor.isfinite().all() for tensor in weights.values()):
        raise CheckpointError(
            f"'{path.name}' holds weights that are not finite: train again with a lower learning rate."
        )
    network.load_state_dict(weights)
    network.eval().requires_grad_(requires_grad=False)
    if not _takes_images(network):
        raise CheckpointError(
            f"'{path.name}' holds a network that does not accept RGB images with sides that are multiples "
            "of 16: train one that does."
        )
    return header, network


def _takes_images(network: nn.Module) -> bool:
    """Whether a network maps the smallest canvas to maps of the same size."""
    try:
        with torch.inference_mode():
            return tuple(network(torch.zeros(1, 3, 16, 16)).shape[2:]) == (16, 16)
    except RuntimeError:
        return False


def _build(path: Path, header: Header, shapes: Mapping[str, tuple[int, ...]]) -> nn.Module:
    """Build the network stated in a header, if it matches the file's weights."""
    if not isinstance(header.network, str) or header.network not in NETWORKS:
        raise CheckpointError(
            f"'{path.name}' cannot be used, its header has network {short(header.network)}, known are "
            f"{', '.join(NETWORKS)}: update napari-saunetv2, or train again."
        )
    try:
        # On the meta device weights of any size cost nothing; the number of layers is already limited.
        with torch.device("meta"):
            claimed = NETWORKS[header.network](**header.network_arguments).state_dict()
    except Exception as error:  # the header may hold any argument
        raise CheckpointError(
            f"'{path.name}' holds network arguments that cannot be built: "
            f"{short(dict(header.network_arguments))}; get the file again, or train again."
        ) from error
    wrong = {
        n
        for n in claimed.keys() | shapes.keys()
        if n not in claimed or shapes.get(n) != tuple(claimed[n].shape)
    }
    if wrong:
        raise CheckpointError(
            f"'{path.name}' does not hold the weights of '{header.network}' ({len(wrong)} differ, "
            f"for example {short(min(wrong))}): get the file again, or train again."
        )
    return NETWORKS[header.network](**header.network_arguments)


def digest(header: Mapping[str, Any], weights: Mapping[str, Tensor]) -> str:
    """Hash of a header as stored and of the weights, as :func:`_intact.digest` makes it."""
    named = (
        (name, str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape), _bytes(tensor))
        for name, tensor in weights.items()
    )
    return _intact.digest(header, named)


def _bytes(tensor: Tensor) -> bytes:
    return tensor.flatten().view(torch.uint8).numpy().tobytes()


def as_file(weights: Mapping[str, Tensor], metadata: dict[str, str]) -> bytes:
    """Contents of a file of weights."""
    return safetensors.torch.save(dict(weights), metadata)
