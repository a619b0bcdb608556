"""A model as one self-describing file.

The file is safetensors: weights, and one JSON text (the header) in its metadata. Loading it runs no code, and
its claims are checked against its contents before a network is built.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from napari_saunetv2.config import DEFAULT
from napari_saunetv2.errors import CheckpointError
from napari_saunetv2.files import reason, write_beside
from napari_saunetv2.models.header import (
    FORMAT_VERSION,
    KEY,
    KINDS,
    MAX_PARAMETERS,
    SUFFIX,
    Header,
    damaged,
    read,
    short,
)
from napari_saunetv2.models.library import (
    FOLDER_VARIABLE,
    ModelInfo,
    available,
    find,
    info,
    user_folder,
)
from napari_saunetv2.networks import NETWORKS

__all__ = [
    "DEFAULT",
    "FOLDER_VARIABLE",
    "FORMAT_VERSION",
    "MAX_PARAMETERS",
    "SUFFIX",
    "Checkpoint",
    "Header",
    "ModelInfo",
    "available",
    "find",
    "info",
    "load",
    "record",
    "save",
    "user_folder",
]


@dataclass(frozen=True)
class Checkpoint:
    """A loaded model: a torch module in evaluation mode that returns logits, and its header."""

    name: str
    network: nn.Module
    header: Header


def load(name_or_path: str | os.PathLike[str] = DEFAULT, kind: str = "vessels") -> Checkpoint:
    """Load a model.

    Parameters
    ----------
    name_or_path : str or path
        Name of a bundled model or of one in the user's model folder, or path of a file.
    kind : "vessels" or "landmarks"
        What it must find.

    Raises
    ------
    CheckpointError
        If there is no such model, it finds something else, or its file is damaged or not a model file.
    """
    path = find(name_or_path)
    try:
        modified = path.stat().st_mtime_ns
    except OSError as error:
        raise CheckpointError(
            f"'{path}' cannot be read any more ({reason(error)}): check that it still exists."
        ) from error
    # A file that was retrained has another time and is read again.
    loaded = _load(path, modified)
    if loaded.header.kind != kind:
        known = ", ".join(model.name for model in available(kind))
        raise CheckpointError(
            f"'{path.stem}' is a model of {KINDS[loaded.header.kind]}, not of {KINDS[kind]}: choose one of "
            f"{known}."
        )
    return loaded


def save(path: Path, network: nn.Module, header: Header, *, overwrite: bool = False) -> Header:
    """Write a model; returns the written header, with date and hash.

    Raises
    ------
    OverwriteError
        When the file exists and may not be replaced.
    """
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    header = replace(header, created=header.created or datetime.now(UTC).date().isoformat())
    header = replace(header, sha256=_digest(asdict(header), weights))
    data = safetensors.torch.save(weights, {KEY: json.dumps(asdict(header))})
    write_beside(path, lambda file: file.write(data), overwrite=overwrite)
    return header


def record(path: Path, score: Mapping[str, Any]) -> None:
    """Record a score in a model file's header, replacing one with the same settings."""
    loaded = load(path)
    about = {k: v for k, v in score.items() if k not in ("mean", "images")}
    others = tuple(s for s in loaded.header.scores if {k: s.get(k) for k in about} != about)
    save(path, loaded.network, replace(loaded.header, scores=(*others, dict(score))), overwrite=True)


@lru_cache(maxsize=8)
def _load(path: Path, _modified: int) -> Checkpoint:
    claims = read(path)
    header = claims.header
    network = _build(path, header, claims.shapes)
    try:
        weights = safetensors.torch.load(path.read_bytes())
    except (safetensors.SafetensorError, OSError) as error:
        raise damaged(path) from error
    if _digest(claims.plain, weights) != header.sha256:
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
    return Checkpoint(path.stem, network, header)


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


def _digest(header: Mapping[str, Any], weights: Mapping[str, Tensor]) -> str:
    """Hash of a header as stored (a later version may have more fields) and of the weights."""
    plain = {k: v for k, v in header.items() if k != "sha256"}
    digest = hashlib.sha256(json.dumps({**plain, "sha256": ""}, sort_keys=True).encode())
    for name, tensor in sorted(weights.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
