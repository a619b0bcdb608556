"""A model as one self-describing file.

The file is safetensors: weights, and one JSON text (the header) in its metadata. Loading it runs no code, and
its claims are checked against its contents before a network is built. torch, which takes seconds to import,
is imported when the network is built.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_saunetv2.config import DEFAULT
from napari_saunetv2.errors import CheckpointError
from napari_saunetv2.files import reason, write_beside
from napari_saunetv2.models._intact import intact
from napari_saunetv2.models.header import (
    FORMAT_VERSION,
    KEY,
    KINDS,
    MAX_PARAMETERS,
    SUFFIX,
    Header,
)
from napari_saunetv2.models.library import (
    FOLDER_VARIABLE,
    ModelInfo,
    available,
    find,
    info,
    user_folder,
)

if TYPE_CHECKING:
    from torch import nn

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
    "opened",
    "record",
    "save",
    "user_folder",
]


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A loaded model: a torch module in evaluation mode that returns logits, and its header."""

    name: str
    network: "nn.Module"
    header: Header

    @classmethod
    def unbuilt(cls, name: str, header: Header, build: "Callable[[], nn.Module]") -> "Checkpoint":
        """Make one whose network is built when it is first asked for."""
        made = object.__new__(cls)
        vars(made).update(name=name, header=header, _build=build)
        return made

    def __getattr__(self, name: str) -> Any:
        """Build the network; called only for what is missing."""
        if name != "network" or "_build" not in vars(self):
            raise AttributeError(name)
        vars(self)["network"] = vars(self)["_build"]()
        return vars(self)["network"]


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
    loaded = opened(name_or_path, kind)
    loaded.network  # noqa: B018 - builds it
    return loaded


def opened(name_or_path: str | os.PathLike[str] = DEFAULT, kind: str = "vessels") -> Checkpoint:
    """Load a model whose network is built on first use: an engine that has its export needs no torch.

    Parameters and errors are those of :func:`load`. Header and weights are checked; that the network fits
    them, and takes images, only when it is built.
    """
    path = find(name_or_path)
    try:
        modified = path.stat().st_mtime_ns
    except OSError as error:
        raise CheckpointError(
            f"'{path}' cannot be read any more ({reason(error)}): check that it still exists."
        ) from error
    # A file that was retrained has another time and is read again.
    loaded = _opened(path, modified)
    if loaded.header.kind != kind:
        known = ", ".join(model.name for model in available(kind))
        raise CheckpointError(
            f"'{path.stem}' is a model of {KINDS[loaded.header.kind]}, not of {KINDS[kind]}: choose one of "
            f"{known}."
        )
    return loaded


def save(path: Path, network: "nn.Module", header: Header, *, overwrite: bool = False) -> Header:
    """Write a model; returns the written header, with date and hash.

    Raises
    ------
    OverwriteError
        When the file exists and may not be replaced.
    """
    from napari_saunetv2.models import _weights

    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    header = replace(header, created=header.created or datetime.now(UTC).date().isoformat())
    header = replace(header, sha256=_weights.digest(asdict(header), weights))
    data = _weights.as_file(weights, {KEY: json.dumps(asdict(header))})
    write_beside(path, lambda file: file.write(data), overwrite=overwrite)
    return header


def record(path: Path, score: Mapping[str, Any]) -> None:
    """Record a score in a model file's header, replacing one with the same settings."""
    loaded = load(path)
    about = {k: v for k, v in score.items() if k not in ("mean", "images")}
    others = tuple(s for s in loaded.header.scores if {k: s.get(k) for k in about} != about)
    save(path, loaded.network, replace(loaded.header, scores=(*others, dict(score))), overwrite=True)


@lru_cache(maxsize=8)
def _opened(path: Path, _modified: int) -> Checkpoint:
    header = intact(path)
    if header is None:  # building says what is wrong
        header = _built(path)[0]

    def build() -> "nn.Module":
        found, network = _built(path)
        if found.sha256 != header.sha256:
            raise CheckpointError(
                f"'{path.name}' was replaced while it was in use: run again to use the new model."
            )
        return network

    return Checkpoint.unbuilt(path.stem, header, build)


def _built(path: Path) -> "tuple[Header, nn.Module]":
    from napari_saunetv2.models import _weights

    return _weights.load(path)
