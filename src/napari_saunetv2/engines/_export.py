"""Our own export of a model, made on first use and kept in the user's cache folder."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from importlib.metadata import version as package_version
from pathlib import Path
from typing import TypeAlias

import numpy as np
import platformdirs
from numpy.typing import NDArray

from napari_saunetv2 import __version__
from napari_saunetv2.checkpoint import Checkpoint
from napari_saunetv2.engines import _check
from napari_saunetv2.errors import CheckpointError
from napari_saunetv2.files import make_folder, write_beside

Run: TypeAlias = Callable[[NDArray[np.float32]], NDArray[np.float32]]

_FILES = {"openvino": "openvino.xml", "onnx": "model.onnx"}
_PACKAGES = {"openvino": "openvino", "onnx": "onnx"}


def folder(model: Checkpoint) -> Path:
    """Where the exports of a model are kept, by its contents and the version of this program."""
    root = Path(platformdirs.user_cache_dir("napari-saunetv2", appauthor=False)) / "engines"
    return root / f"{_key(model)[:32]}-{__version__}"


def version(engine: str) -> str:
    """Version of the package that an engine's exports are made with."""
    return package_version(_PACKAGES[engine])


def exported(model: Checkpoint, engine: str) -> Path:
    """File of a model for an engine; made, and compared with torch, where it is not there.

    Raises
    ------
    CheckpointError
        When the network cannot be exported, or the export gives another answer.
    """
    target = folder(model) / f"{engine}-{version(engine)}"
    if not target.is_dir():
        _make(model, engine, target)
    return target / _FILES[engine]


def keep(path: Path, data: bytes) -> None:
    """Write a file of the cache; a cache that cannot be written to is no reason to fail."""
    try:
        make_folder(path.parent)
        write_beside(path, lambda file: file.write(data), overwrite=True)
    except Exception:  # noqa: BLE001
        return


def _make(model: Checkpoint, engine: str, target: Path) -> None:
    make_folder(target.parent)
    # Made beside its place and moved there whole: several processes may start at once.
    beside = Path(tempfile.mkdtemp(prefix=".making-", dir=target.parent))
    try:
        file = beside / _FILES[engine]
        verdict = _check.compare(model, WRITERS[engine](model, file))
        if not verdict.largest <= _check.SAME:
            raise CheckpointError(
                f"'{model.name}' gives another answer in {engine} (by {verdict.largest:.1e}): choose "
                "engine 'torch'."
            )
        try:
            os.replace(beside, target)  # noqa: PTH105
        except OSError:
            if not target.is_dir():  # else another process was faster
                raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _openvino(model: Checkpoint, file: Path) -> Run:
    from napari_saunetv2.engines import _openvino as engine

    engine.write(model.network, file)
    return engine.OpenvinoRunner(file, "float32")


def _onnx(model: Checkpoint, file: Path) -> Run:
    from napari_saunetv2.engines import _onnx as engine

    engine.write(model.network, file)
    return engine.OnnxRunner(file)


WRITERS: dict[str, Callable[[Checkpoint, Path], Run]] = {"openvino": _openvino, "onnx": _onnx}
"""Each writes a model into a file and gives what runs it."""


def _key(model: Checkpoint) -> str:
    if model.header.sha256:
        return model.header.sha256
    digest = hashlib.sha256(repr(model.network).encode())
    for name, tensor in sorted(model.network.state_dict().items()):
        digest.update(name.encode() + tensor.cpu().numpy().tobytes())
    return digest.hexdigest()
