"""``saunetv2 calibrate``: a model's own thresholds."""

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from napari_saunetv2.cli._shared import DeviceOption, TtaOption, bar, drain, out, plain


def calibrate(
    model: Annotated[str, typer.Argument(help="A model's file or name; its header gets the threshold.")],
    roots: Annotated[list[Path], typer.Argument(metavar="DATA...", help="What it was trained on.")],
    tta: TtaOption = "d4",
    device: DeviceOption = "auto",
) -> None:
    """Find a model's threshold for a test-time augmentation, on the images it was trained on.

    **Example**: `saunetv2 calibrate runs/drive/model.safetensors DRIVE --tta d4`
    """
    from napari_saunetv2 import calibration, checkpoint, datasets

    loaded = checkpoint.load(model)
    samples = calibration.known([s for root in roots for s in datasets.read(root)], loaded)
    work = calibration.calibrate(samples, loaded, cast("Any", tta), device=device)
    with bar() as shown:
        task = shown.add_task("segmenting", total=len(samples))
        header = drain(work, lambda done: shown.update(task, completed=done))
    checkpoint.save(checkpoint.find(model), loaded.network, header, overwrite=True)
    found = header.tta_thresholds.get(tta, header.threshold)
    out.print(f"{plain(model)}: threshold {found:.2f} for {tta}, from {len(samples)} training images")
