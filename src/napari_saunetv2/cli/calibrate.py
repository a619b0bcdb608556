"""``saunetv2 calibrate``: values in a model's header that are measured on its training images."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from napari_saunetv2.cli._shared import DeviceOption, TtaOption, bar, out, plain
from napari_saunetv2.progress import drain


def calibrate(
    model: Annotated[str, typer.Argument(help="Model file or name; the result is written to its header.")],
    roots: Annotated[list[Path], typer.Argument(metavar="DATA...", help="Data set it was trained on.")],
    tta: TtaOption = "d4",
    device: DeviceOption = "auto",
    int8: Annotated[
        bool, typer.Option("--int8", help="Measure the value ranges for --precision int8 instead.")
    ] = False,
) -> None:
    """Find a model's threshold for a test-time augmentation, on the images it was trained on.

    **Examples**

    `saunetv2 calibrate runs/drive/model.safetensors DRIVE --tta d4`

    `saunetv2 calibrate runs/drive/model.safetensors DRIVE --int8`
    """
    from napari_saunetv2 import datasets
    from napari_saunetv2.evaluation import EXACT
    from napari_saunetv2.models import checkpoint
    from napari_saunetv2.training import calibration

    config = replace(EXACT, tta=cast("Any", tta), device=device)
    loaded = checkpoint.load(model)
    samples = calibration.known([s for root in roots for s in datasets.read(root)], loaded)
    if int8:
        work = calibration.measure_ranges(samples, loaded)
    else:
        work = calibration.calibrate(samples, loaded, config)
    with bar() as shown:
        task = shown.add_task("measuring" if int8 else "segmenting", total=len(samples))
        header = drain(work, lambda done: shown.update(task, completed=done))
    checkpoint.save(checkpoint.find(model), loaded.network, header, overwrite=True)
    level = header.tta_thresholds.get(tta, header.threshold)
    found = f"ranges of {len(header.ranges)} convolutions" if int8 else f"threshold {level:.2f} for {tta}"
    out.print(f"{plain(model)}: {found}, from {len(samples)} training images")
