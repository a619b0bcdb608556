"""The models that can be loaded by name, listed without torch, which takes seconds to import."""

import logging
import math
import os
from dataclasses import dataclass
from importlib.resources import files as package_files
from pathlib import Path

import platformdirs

from napari_saunetv2.config import DEFAULT
from napari_saunetv2.errors import CheckpointError
from napari_saunetv2.models.header import SUFFIX, Header, read

FOLDER_VARIABLE = "SAUNETV2_MODELS"
"""Environment variable for another folder of the user's models."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelInfo:
    """A model that can be loaded by name."""

    name: str
    path: Path
    header: Header
    parameters: int
    bundled: bool


def user_folder() -> Path:
    """Folder of the user's own models (it may not exist yet)."""
    if os.environ.get(FOLDER_VARIABLE):
        return Path(os.environ[FOLDER_VARIABLE])
    return Path(platformdirs.user_data_dir("napari-saunetv2", appauthor=False)) / "models"


def available(kind: str | None = "vessels") -> list[ModelInfo]:
    """List the models that load by name: bundled ones, then the user's; damaged files are left out.

    Parameters
    ----------
    kind : "vessels", "landmarks" or None
        What they find; None for all.
    """
    found = []
    for path in _named_files():
        try:
            model = info(path)
        except CheckpointError as error:
            _LOG.warning("%s", error)
            continue
        if kind in (None, model.header.kind):
            found.append(model)
    return found


def suited(modality: str) -> str | None:
    """Name of a model of vessels for a modality, the default one first; None if there is none."""
    names = [
        model.name
        for model in available()
        if model.header.modality == modality and len(model.header.classes) == 1
    ]
    return DEFAULT if DEFAULT in names else next(iter(names), None)


def info(path: Path) -> ModelInfo:
    """Describe a model file by its header; raises CheckpointError if it is damaged or not a model file."""
    claims = read(path)
    counted = (s for name, s in claims.shapes.items() if not name.endswith("num_batches_tracked"))
    return ModelInfo(
        path.stem, path, claims.header, sum(map(math.prod, counted)), path.parent == _bundled_folder()
    )


def is_own(model: ModelInfo) -> bool:
    """Whether a model is in the folder of the user's own models."""
    return not model.bundled and model.path.parent == user_folder()


def delete(model: ModelInfo) -> None:
    """Delete one of the user's own models.

    Raises
    ------
    CheckpointError
        If it is not in the folder of the user's models, or cannot be deleted.
    """
    if not is_own(model):
        raise CheckpointError(
            f"'{model.path}' is not in the folder of your own models: only models there can be deleted."
        )
    try:
        model.path.unlink(missing_ok=True)
    except OSError as error:
        raise CheckpointError(
            f"'{model.path}' cannot be deleted ({error.strerror or error}): close the programs that use it, "
            "or delete it in its folder."
        ) from error


def find(name_or_path: str | os.PathLike[str]) -> Path:
    """Path of a model file, by name or path; raises CheckpointError if there is none."""
    for path in _named_files():
        if path.stem == str(name_or_path):
            return path
    if os.path.isfile(name_or_path):  # noqa: PTH113 (unlike Path's it takes any name)
        return Path(name_or_path)
    known = ", ".join(model.name for model in available()) or "none is installed"
    raise CheckpointError(
        f"There is no model '{name_or_path}': give the path of a {SUFFIX} file, or one of {known}."
    )


def _bundled_folder() -> Path:
    return Path(str(package_files("napari_saunetv2"))) / "weights"


def _named_files() -> list[Path]:
    return [
        p
        for folder in (_bundled_folder(), user_folder())
        if folder.is_dir()
        for p in sorted(folder.glob(f"*{SUFFIX}"))
    ]
