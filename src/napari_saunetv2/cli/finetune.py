"""``saunetv2 finetune``: a model, a few annotated images of one's own, a better model."""

import re
from pathlib import Path
from typing import Annotated, Any

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
    labels: Annotated[Path | None, typer.Option(help="Folder of the labels, if elsewhere.")] = None,
    fields: Annotated[Path | None, typer.Option("--fov", help="Folder of FOV masks, if elsewhere.")] = None,
    only: Annotated[
        str | None, typer.Option(help="Names of the images to take, with commas; all if not given.")
    ] = None,
    base: Annotated[
        str, typer.Option(help="Model to start from: a name or file; none trains from scratch.")
    ] = DEFAULT,
    name: Annotated[
        str | None, typer.Option(help="Also keep the model in the list of models, by this name.")
    ] = None,
    sparse: Annotated[
        bool, typer.Option("--sparse", help="Labels hold 0 not annotated, 1 vessel, 2 background.")
    ] = False,
    classes: Annotated[
        str, typer.Option(help="Kinds of vessel with commas, by their values in the labels: artery,vein.")
    ] = "vessel",
    inside_field: Annotated[
        bool, typer.Option("--inside-fov", help="Only the field of view takes part.")
    ] = False,
    trains: Annotated[str, typer.Option(help="What learns: all, decoder or head.")] = "all",
    scale: Annotated[
        str,
        typer.Option(help="model works at the base's scale where the images differ; image leaves them."),
    ] = "model",
    steps: Annotated[int | None, typer.Option(help="At most so many.")] = None,
    minutes: Annotated[float | None, typer.Option(help="At most so long.")] = None,
    patience: Annotated[
        int | None, typer.Option(help="Stop after so many validations without a better one; 0 for never.")
    ] = None,
    learning_rate: Annotated[float | None, typer.Option("--lr", help="Learning rate at its peak.")] = None,
    batch: Annotated[int | None, typer.Option(help="Views in a step.")] = None,
    crop: Annotated[int | None, typer.Option(help="Side of a view in pixels, a multiple of 16.")] = None,
    dropblock: Annotated[float | None, typer.Option(help="Share that DropBlock drops.")] = None,
    augmentation: Annotated[str | None, typer.Option(help="mild, strong or 'turns only'.")] = None,
    validation: Annotated[
        float | None, typer.Option(help="Share of the images (of one image: of its vessels) kept back.")
    ] = None,
    validate_every: Annotated[int | None, typer.Option(help="Steps between two validations.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of every random draw.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in RUN.")] = False,
    device: DeviceOption = "auto",
) -> None:
    """Fine-tune a model on a few annotated images.

    Some images are kept for validation, of a single image some blocks; the best weights by them are the
    model. Where no step beats the base, none is kept. After a kill the same command with --resume goes on.
    Where predictions/ holds what the labels were painted on, the corrected pixels are judged by themselves.

    **Examples**

    `saunetv2 finetune my_eyes -o runs/mine --name mine`

    `saunetv2 finetune one_eye -o runs/scribbles --sparse --minutes 5`
    """
    from napari_saunetv2.models import checkpoint
    from napari_saunetv2.training import Outcome, fine_tune, folders, tasks, tuning

    if name is not None and (why := tasks.problem_of_name(name)):
        raise SettingsError(f"--name is '{name}': {why}.")
    if not resume and (run / "settings.json").exists():
        raise OverwriteError(f"'{run}' holds a training already: pass --resume, or choose another folder.")
    kinds = tuple(part.strip() for part in classes.split(","))
    given: dict[str, Any] = {
        "steps": steps, "minutes": minutes, "learning_rate": learning_rate, "batch": batch, "crop": crop,
        "validation": validation, "validate_every": validate_every, "seed": seed, "dropblock": dropblock,
    }  # fmt: skip
    changes = {key: value for key, value in given.items() if value is not None}
    if patience is not None:
        changes["patience"] = patience or None
    if augmentation is not None:
        changes["augmentation"] = tuning.augmentation(augmentation)
    values = sparse or len(kinds) > 1
    pairs = [
        pair for pair in folders.pairs(images, labels, fields, values=values) if _wanted(pair.name, only)
    ]
    start = None if base == "none" else checkpoint.load(base)
    config = tuning.settings(
        pairs, start, scale=scale, sparse=sparse, classes=kinds, inside_field=inside_field, trains=trains,
        **changes,
    )  # fmt: skip
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
        out.print(f"The model is {plain(outcome.model)}")


def _wanted(name: str, only: str | None) -> bool:
    return only is None or name in re.split(r"\s*,\s*", only.strip())
