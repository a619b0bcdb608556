"""``saunetv2 teach``: soft labels for a student, from the models of a cross-validation."""

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from napari_saunetv2.cli._shared import DeviceOption, TtaOption, bar, drain, out, plain


def teach(
    run: Annotated[Path, typer.Argument(help="Folder of a run of `saunetv2 cross-validate`.")],
    root: Annotated[Path, typer.Argument(metavar="DATA", help="Folder of the data set.")],
    tta: TtaOption = "d4",
    device: DeviceOption = "auto",
) -> None:
    """Write what each fold's model makes of the images it has not seen: soft labels to train by.

    **Example**: `saunetv2 teach runs/folds DRIVE`, then
    `saunetv2 train DRIVE -o runs/student --soft runs/folds/soft`
    """
    from napari_saunetv2 import datasets, teachers

    samples = [s for s in datasets.read(root) if s.split in ("train", None) and s.label_paths]
    work = teachers.teach(run, samples, tta=cast("Any", tta), device=device)
    with bar() as shown:
        task = shown.add_task("segmenting", total=len(samples))
        folder = drain(work, lambda done: shown.update(task, completed=done))
    out.print(
        f"Soft labels of {len(samples)} images are in {plain(folder)}: train with --soft {plain(folder)}"
    )
