"""Exports of a model for the engines, made on first use and kept in the user's cache folder."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from importlib.metadata import version as package_version
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np
import platformdirs
from numpy.typing import NDArray

from napari_saunetv2 import __version__
from napari_saunetv2.errors import CheckpointError
from napari_saunetv2.files import make_folder, write_beside
from napari_saunetv2.models.checkpoint import Checkpoint

if TYPE_CHECKING:
    from napari_saunetv2.engines import _check

Run: TypeAlias = Callable[[NDArray[np.float32]], NDArray[np.float32]]

_FILES = {"openvino": "openvino.xml", "onnx": "model.onnx"}
_REFERENCES: "WeakKeyDictionary[Checkpoint, dict[int, _check.Reference]]" = WeakKeyDictionary()
_PACKAGES = {"openvino": "openvino", "onnx": "onnx"}


FORM = 2
"""Form of the graphs; raised when it changes, as what was made and measured in another form is void."""


def folder(model: Checkpoint) -> Path:
    """Cache folder of a model's exports, by its contents, the version of this program and :data:`FORM`."""
    return root() / f"{_key(model)[:32]}-{__version__}-{FORM}"


def root() -> Path:
    """Cache folder of all models and engines."""
    return Path(platformdirs.user_cache_dir("napari-saunetv2", appauthor=False)) / "engines"


def version(engine: str) -> str:
    """Version of the package that makes an engine's exports."""
    return package_version(_PACKAGES[engine])


def reference(model: Checkpoint, number: int = 0) -> "_check.Reference":
    """Prediction of a test image by torch in float32; computed once while a model is used."""
    from napari_saunetv2.engines import _check

    if not model.header.sha256:  # a model in training changes
        return _check.reference(model, number)
    kept = _REFERENCES.setdefault(model, {})
    if number not in kept:
        kept[number] = _check.reference(model, number)
    return kept[number]


def exported(model: Checkpoint, engine: str, precision: str = "float32") -> Path:
    """Export of a model for an engine and precision; made and compared with torch if it is missing.

    Raises
    ------
    CheckpointError
        If the network cannot be exported, or its export predicts something else or is not finite.
    """
    target = folder(model) / f"{engine}-{precision}-{version(engine)}"
    if not target.is_dir():
        _make(model, engine, precision, target)
    return target / _FILES[engine]


def keep(path: Path, data: bytes) -> None:
    """Write a file to the cache; failing to do so is not an error."""
    try:
        make_folder(path.parent)
        write_beside(path, lambda file: file.write(data), overwrite=True)
    except Exception:  # noqa: BLE001
        return


def _make(model: Checkpoint, engine: str, precision: str, target: Path) -> None:
    from napari_saunetv2.engines import _check

    make_folder(target.parent)
    # Written to a temporary file and moved: several processes may start at once.
    beside = Path(tempfile.mkdtemp(prefix=".making-", dir=target.parent))
    try:
        file = beside / _FILES[engine]
        # Always in float32: this checks whether the graph is right, not how exact a run is.
        apart = _check.largest_difference(reference(model), WRITERS[engine, precision](model, file))
        if not _check.is_same(model, apart):
            raise CheckpointError(
                f"'{model.name}' predicts something else in {engine} (by {apart:.1e}): choose engine 'torch'."
            )
        try:
            os.replace(beside, target)  # noqa: PTH105
        except OSError:
            if not target.is_dir():  # otherwise another process was faster
                raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _openvino(model: Checkpoint, file: Path) -> Run:
    from napari_saunetv2.engines import _compiled, _openvino

    _openvino.write(model.network, file)
    return _compiled.OpenvinoRunner(file, "float32")


def _openvino_mixed(model: Checkpoint, file: Path) -> Run:
    from napari_saunetv2.engines import _compiled, _mixed

    _mixed.write(model.network, file)
    return _compiled.OpenvinoRunner(_mixed.exact(model.network), "float32")


def _onnx(model: Checkpoint, file: Path) -> Run:
    from napari_saunetv2.engines import _onnx as engine

    engine.write(model.network, file)
    return engine.OnnxRunner(file)


WRITERS: dict[tuple[str, str], Callable[[Checkpoint, Path], Run]] = {
    ("openvino", "float32"): _openvino,
    ("openvino", "bfloat16"): _openvino_mixed,
    ("onnx", "float32"): _onnx,
}
"""Each writes a model to a file and returns its runner."""


def _key(model: Checkpoint) -> str:
    if model.header.sha256:
        return model.header.sha256
    digest = hashlib.sha256(repr(model.network).encode())
    for name, tensor in sorted(model.network.state_dict().items()):
        digest.update(name.encode() + tensor.cpu().numpy().tobytes())
    return digest.hexdigest()
