"""``saunetv2 models``, ``import-keras``, ``demo``: list models, import Keras weights, try a demo."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from napari_saunetv2.cli._shared import OverwriteOption, out, plain, refuse_existing


def models() -> None:
    """List the models that load by name, with their scores."""
    from napari_saunetv2.models import checkpoint

    table = Table(title="Models")
    for column in ("name", "parameters", "trained on", "scores"):
        table.add_column(column, no_wrap=column != "trained on")
    for info in checkpoint.available():
        header = info.header
        scores = [
            f"{s['dataset']} {s['split']}, {s['protocol']}{_views(s)}: F1 {s['mean']['f1']:.4f}"
            for s in header.scores
        ]
        data = str(header.data.get("dataset", header.data.get("imported from", "-")))
        name = info.name if info.bundled else f"{info.name} (yours)"
        table.add_row(plain(name), f"{info.parameters:,}", plain(data), plain("\n".join(scores)) or "-")
    out.print(table)
    out.print(f"Your own models are in {plain(checkpoint.user_folder())}")


def _views(score: Mapping[str, Any]) -> str:
    tta = score.get("tta", "none")
    return "" if tta == "none" else f", {tta}"


def import_keras(
    file: Annotated[Path, typer.Argument(help="Weights of the authors' Keras program (.h5).")],
    output: Annotated[Path, typer.Option("--out", "-o", help="Model file to write (.safetensors).")],
    network: Annotated[str, typer.Option(help="Network of these weights.")] = "saunetv2",
    overwrite: OverwriteOption = False,
) -> None:
    """Convert Keras weights of the authors' networks to a model."""
    from napari_saunetv2.exchange import keras_import
    from napari_saunetv2.models import checkpoint

    module, header = keras_import.load_keras(file, network)
    checkpoint.save(output, module, header, overwrite=overwrite)
    out.print(f"{plain(file.name)} -> {plain(output)}")


def demo(
    output: Annotated[Path, typer.Option("--out", "-o", help="Folder for the images.")] = Path("demo"),
    viewer: Annotated[bool, typer.Option(help="Open the result in napari if there is a display.")] = True,
    overwrite: OverwriteOption = False,
) -> None:
    """Segment a synthetic fundus image whose vessels are known exactly."""
    from napari_saunetv2 import demo as demonstration

    if not overwrite:
        refuse_existing(*demonstration.paths(output).values())
    result = demonstration.run(output, overwrite=overwrite)
    for what, path in result.files.items():
        out.print(f"{what:<12} {plain(path)}")
    out.print(f"F1 against the exact vessels: {result.f1:.4f} ({result.seconds:.2f} s, model {result.model})")
    if viewer and demonstration.has_screen():
        from napari_saunetv2.plugin.segment.demo import show

        show(result)
