"""``saunetv2 soup``: one model out of several."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_saunetv2.cli._shared import DeviceOption, OverwriteOption, bar, drain, out, plain, refuse_existing

if TYPE_CHECKING:
    from napari_saunetv2.checkpoint import Checkpoint


def soup(
    models: Annotated[list[str], typer.Argument(metavar="MODEL MODEL...", help="Names or files.")],
    output: Annotated[Path, typer.Option("--out", "-o", help="Model file to write (.safetensors).")],
    data: Annotated[
        list[Path] | None,
        typer.Option(help="Data set they were trained on, to move the bias by; may be given again."),
    ] = None,
    overwrite: OverwriteOption = False,
    device: DeviceOption = "auto",
) -> None:
    """Average the weights of models into one, which runs as fast as one of them.

    They must be of one network, and should be last cycles from the same weights. With --data the bias is
    moved so that F1 on the images they were trained on peaks at a probability of 0.5.

    **Example**: `saunetv2 soup runs/a/model.safetensors runs/b/model.safetensors -o soup.safetensors`
    """
    from napari_saunetv2 import calibration, checkpoint, datasets
    from napari_saunetv2 import soup as soups

    if not overwrite:
        refuse_existing(output)
    loaded = [_named(checkpoint.load(model), checkpoint.find(model)) for model in models]
    mixed = soups.mix(loaded, output.stem)
    if data:
        samples = calibration.known([s for root in data for s in datasets.read(root)], mixed)
        work = soups.settle(samples, mixed, device=device)
        with bar() as shown:
            task = shown.add_task("segmenting", total=len(samples))
            mixed = drain(work, lambda done: shown.update(task, completed=done))
        out.print(f"The bias was moved by {len(samples)} training images")
    checkpoint.save(output, mixed.network, mixed.header, overwrite=overwrite)
    out.print(f"{len(models)} models -> {plain(output)}")


def _named(model: "Checkpoint", path: Path) -> "Checkpoint":
    """Name the model of a run by its folder: every run calls it model."""
    from dataclasses import replace

    return replace(model, name=path.absolute().parent.name) if model.name == "model" else model
