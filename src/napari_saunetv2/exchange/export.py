"""Models for other programs: ONNX, OpenVINO, and packages for bioimage.io."""

import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from napari_saunetv2.engines import _check
from napari_saunetv2.engines._export import Run
from napari_saunetv2.errors import CheckpointError, OverwriteError, SettingsError
from napari_saunetv2.exchange import bioimage
from napari_saunetv2.files import make_folder, write_beside
from napari_saunetv2.models.checkpoint import Checkpoint

Format = Literal["onnx", "openvino", "bioimageio"]

SUFFIXES = {"onnx": ".onnx", "openvino": ".xml", "bioimageio": ".zip"}


def export(model: Checkpoint, target: Path, form: Format, *, overwrite: bool = False) -> float:
    """Export a model for another program, and compare the export with torch.

    Height and width of its input may be any multiples of 16; the output is the probability of every class.

    Parameters
    ----------
    model : Checkpoint
    target : Path
        ``.onnx``, ``.xml`` (with its ``.bin`` next to it) or ``.zip``.
    form : "onnx", "openvino" or "bioimageio"
    overwrite : bool

    Returns
    -------
    float
        The largest difference of a probability from torch's, on synthetic photographs.

    Raises
    ------
    CheckpointError
        If they differ by more than 1e-4; nothing is written then.
    SettingsError
        If the format is unknown, its package is missing, or the suffix does not match.
    """
    if form not in get_args(Format):
        raise SettingsError(f"format is {form!r}: it must be one of {', '.join(get_args(Format))}.")
    if target.suffix.lower() != SUFFIXES[form]:
        raise SettingsError(f"'{target.name}' does not match the format {form}: end it in {SUFFIXES[form]}.")
    files = [target, target.with_suffix(".bin")] if form == "openvino" else [target]
    for file in files:
        if file.exists() and not overwrite:
            raise OverwriteError(f"'{file}' already exists: choose another name, or pass --overwrite.")
    with tempfile.TemporaryDirectory() as name:
        made = Path(name) / target.name
        try:
            run = _WRITERS[form](model, made)
        except ImportError as error:
            raise SettingsError(
                f"Format '{form}' needs {error.name}: pip install 'napari-saunetv2[{form}]'."
            ) from error
        apart = max(_check.largest_difference(found, run) for found in _check.references(model))
        if not _check.is_same(model, apart):
            raise CheckpointError(
                f"'{model.name}' predicts something else as {form} (by {apart:.1e}): it was not written."
            )
        del run  # Windows cannot move an open file
        make_folder(target.parent)
        for file in files:
            data = (Path(name) / file.name).read_bytes()
            write_beside(file, lambda out, data=data: out.write(data), overwrite=overwrite)  # type: ignore[misc]
    return apart


def _bioimageio(model: Checkpoint, file: Path) -> Run:
    from napari_saunetv2.engines import _onnx as engine

    network = engine.model(model.network, checked=False).SerializeToString()
    run = engine.OnnxRunner(network)
    parts = bioimage.package(model, network, run)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in parts.items():
            packed.writestr(name, data)
    with zipfile.ZipFile(file) as packed:  # compare the written file
        return engine.OnnxRunner(packed.read(bioimage.WEIGHTS))


def _onnx(model: Checkpoint, file: Path) -> Run:
    from napari_saunetv2.engines import _onnx as engine

    engine.write(model.network, file, checked=False)
    return engine.OnnxRunner(file.read_bytes())


def _openvino(model: Checkpoint, file: Path) -> Run:
    from napari_saunetv2.engines import _compiled, _openvino

    _openvino.write(model.network, file, checked=False)
    return _compiled.OpenvinoRunner(file, "float32")


_WRITERS: dict[str, Callable[[Checkpoint, Path], Run]] = {
    "onnx": _onnx,
    "openvino": _openvino,
    "bioimageio": _bioimageio,
}
