"""``saunetv2 export`` and ``import``: models for other programs, and back."""

from pathlib import Path
from typing import Annotated, Any

import typer

from napari_saunetv2.cli._shared import OverwriteOption, out, plain


def export(
    model: Annotated[str, typer.Argument(help="A model's name (see `saunetv2 models`) or file.")],
    output: Annotated[Path, typer.Option("--out", "-o", help="File to write: .onnx, .xml or .zip.")],
    form: Annotated[str, typer.Option("--format", help="onnx, openvino or bioimageio.")] = "onnx",
    overwrite: OverwriteOption = False,
) -> None:
    """Export a model for another program, and check that its predictions are the same there."""
    from napari_saunetv2.exchange import export as exporting
    from napari_saunetv2.models import checkpoint

    chosen: Any = form
    difference = exporting.export(checkpoint.load(model), output, chosen, overwrite=overwrite)
    out.print(f"{plain(output)}: same prediction as torch, to {difference:.1e}")


def import_package(
    file: Annotated[Path, typer.Argument(help="Package made by `saunetv2 export --format bioimageio`.")],
    output: Annotated[Path, typer.Option("--out", "-o", help="Model file to write (.safetensors).")],
    overwrite: OverwriteOption = False,
) -> None:
    """Extract a model from a bioimage.io package."""
    from napari_saunetv2.exchange import bioimage
    from napari_saunetv2.models import checkpoint

    path = bioimage.unpack(file, output, overwrite=overwrite)
    out.print(f"{plain(file.name)} -> {plain(checkpoint.load(path).name)}")
