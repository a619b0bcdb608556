"""``saunetv2 finetune``: train a model further on a few annotated images of your own."""

import re
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from napari_saunetv2.cli._shared import DeviceOption, err, follow, out, plain
from napari_saunetv2.config import DEFAULT
from napari_saunetv2.errors import OverwriteError, SettingsError


def finetune(
    images: Annotated[
        Path,
        typer.Argument(
            help="Folder of a data set, or of photographs with labels (images/ and labels/ in it)."
        ),
    ],
    run: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="RUN", help="Folder of the run: settings, log, state and model."),
    ],
    labels: Annotated[Path | None, typer.Option(help="Folder of the labels, if separate.")] = None,
    fovs: Annotated[Path | None, typer.Option("--fov", help="Folder of FOV masks, if separate.")] = None,
    only: Annotated[
        str | None, typer.Option(help="Names of the images to use, separated by commas; default: all.")
    ] = None,
    base: Annotated[
        str, typer.Option(help="Model to start from: a name or file; none trains from scratch.")
    ] = DEFAULT,
    name: Annotated[
        str | None, typer.Option(help="Also add the model to the list of models, under this name.")
    ] = None,
    sparse: Annotated[
        bool, typer.Option("--sparse", help="Label values: 0 not annotated, 1 vessel, 2 background.")
    ] = False,
    classes: Annotated[
        str | None,
        typer.Option(
            help="Classes, separated by commas, in the order of their label values: artery,vein (3 is both). "
            "Default: those of the base model."
        ),
    ] = None,
    inside_field: Annotated[
        bool, typer.Option("--inside-fov", help="Train only inside the field of view.")
    ] = False,
    trains: Annotated[str, typer.Option(help="Trainable layers: all, decoder or head.")] = "all",
    scale: Annotated[
        str,
        typer.Option(help="model: resample images to the base model's scale; image: leave them."),
    ] = "model",
    steps: Annotated[int | None, typer.Option(help="Maximum number of steps.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Maximum time in minutes.")] = None,
    patience: Annotated[
        int | None, typer.Option(help="Stop after this many validations without improvement; 0 for never.")
    ] = None,
    learning_rate: Annotated[float | None, typer.Option("--lr", help="Peak learning rate.")] = None,
    batch: Annotated[int | None, typer.Option(help="Crops per step.")] = None,
    crop: Annotated[int | None, typer.Option(help="Side of a crop in pixels, a multiple of 16.")] = None,
    dropblock: Annotated[float | None, typer.Option(help="DropBlock rate.")] = None,
    augmentation: Annotated[str | None, typer.Option(help="mild, strong or 'rotations only'.")] = None,
    validation: Annotated[
        float | None,
        typer.Option(help="Share of the images (of a single image: of its vessels) used only to validate."),
    ] = None,
    validate_every: Annotated[int | None, typer.Option(help="Steps between two validations.")] = None,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in RUN.")] = False,
    device: DeviceOption = "auto",
) -> None:
    """Fine-tune a model on a few annotated images.

    Some images (of a single image, some blocks) are used only to validate; the weights that score best on
    them become the model. If no step beats the base model, no model is written. After a kill, the same
    command with --resume continues. If predictions/ holds the predictions that the labels were painted on,
    the corrected pixels are scored separately.

    **Examples**

    `saunetv2 finetune my_eyes -o runs/mine --name mine`

    `saunetv2 finetune one_eye -o runs/scribbles --sparse --minutes 5`
    """
    from napari_saunetv2.models import checkpoint
    from napari_saunetv2.training import Outcome, fine_tune, folders, tasks, tuning
    from napari_saunetv2.training.on_demand import for_model

    if name is not None and (why := tasks.problem_of_name(name)):
        raise SettingsError(f"--name is '{name}': {why}.")
    if not resume and (run / "settings.json").exists():
        raise OverwriteError(f"'{run}' already holds a training: pass --resume, or choose another folder.")
    start = None if base == "none" else checkpoint.load(base)
    names = ("vessel",) if start is None else start.header.classes
    if classes is not None:
        names = tuple(part.strip() for part in classes.split(","))
    chosen = tuning.Tuning(
        sparse=sparse, classes=names, inside_field=inside_field,
        trains=cast("Any", trains), scale=cast("Any", scale), minutes=minutes, steps=steps,
        learning_rate=learning_rate, batch=batch, crop=crop, dropblock=dropblock, augmentation=augmentation,
        validation=validation, validate_every=validate_every, patience=patience, seed=seed,
    )  # fmt: skip
    found = folders.pairs(images, labels, fovs, values=chosen.by_value)
    pairs = for_model(found.only(lambda name: _wanted(name, only)), start)
    config = chosen.config(pairs, start)
    for remark in tuning.remarks(pairs, config):
        err.print(plain(f"Warning: {remark}"))
    about = {"dataset": "own images", "base": base}
    work = fine_tune(
        pairs, config, run, resume=resume, base=start, device=device, data=about, recipe="fine-tune"
    )
    follow(work)
    outcome = Outcome.read(run)
    out.print(plain(outcome.describe()))
    if name is not None:
        outcome = tasks.keep(outcome, name)
    if outcome.model is not None:
        out.print(f"Model: {plain(outcome.model)}")


def _wanted(name: str, only: str | None) -> bool:
    return only is None or name in re.split(r"\s*,\s*", only.strip())
