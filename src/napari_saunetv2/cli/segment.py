"""``saunetv2 segment``: images in, masks out."""

import time
from pathlib import Path
from typing import Annotated

import typer

from napari_saunetv2.cli._shared import (
    DeviceOption,
    EngineOption,
    ModelOption,
    OverwriteOption,
    PrecisionOption,
    RescaleOption,
    TtaOption,
    bar,
    number_or,
    out,
    plain,
)
from napari_saunetv2.errors import SaunetError


def segment(
    inputs: Annotated[
        list[str], typer.Argument(help="Images, folders of images, or patterns such as 'eyes/*.tif'.")
    ],
    output: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results; made if missing.")],
    model: ModelOption = "saunetv2-drive",
    threshold: Annotated[
        str, typer.Option(help="auto (the model's own) or a number between 0 and 1.")
    ] = "auto",
    tta: TtaOption = "none",
    rescale: RescaleOption = "auto",
    device: DeviceOption = "auto",
    engine: EngineOption = "auto",
    precision: PrecisionOption = "auto",
    probability: Annotated[
        bool, typer.Option("--probability", help="Also write the probability map (TIFF).")
    ] = False,
    overlay: Annotated[
        bool, typer.Option("--overlay", help="Also write the vessels drawn on the image.")
    ] = False,
    suffix: Annotated[str, typer.Option("--format", help="Of the vessel mask: png, tif or gif.")] = "png",
    binary: Annotated[bool, typer.Option("--binary", help="Write the mask as 0/1 instead of 0/255.")] = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Segment images and write `NAME_vessels.png` for each.

    A file that fails is reported and the others go on; the exit code is 1 if any failed.

    **Examples**

    `saunetv2 segment 01_test.tif -o results`

    `saunetv2 segment DRIVE/test/images -o results --probability --overlay --tta d4`
    """
    from napari_saunetv2 import batch, checkpoint, inference

    files = batch.image_files(inputs)
    loaded = checkpoint.load(model)
    level = inference.threshold_of(loaded, number_or("--threshold", threshold, "auto"), tta)
    scale = number_or("--rescale", rescale, "auto", "off")
    wanted = batch.Wanted(output, suffix, 1 if binary else 255, probability, overlay, overwrite)
    output.mkdir(parents=True, exist_ok=True)
    failed, begun = 0, time.monotonic()
    with bar() as shown:
        names = batch.distinct_names(files)
        for file in shown.track(files, description="segmenting"):
            try:
                done = batch.segment_file(
                    file,
                    names[file],
                    loaded,
                    level,
                    wanted,
                    tta=tta,
                    rescale=scale,
                    device=device,
                    engine=engine,
                    precision=precision,
                )
            except SaunetError as error:
                failed += 1
                shown.console.print(f"[red]failed[/red] {plain(file.name)}: {plain(error)}")
            else:
                shown.console.print(
                    f"{plain(file.name)}  {done.width} x {done.height}  {done.share:.1%} vessels  "
                    f"{done.seconds:.2f} s  -> {plain(done.path.name)}"
                )
    out.print(
        f"{len(files) - failed} of {len(files)} images segmented in {time.monotonic() - begun:.1f} s, "
        f"results in {plain(output)}"
    )
    if failed:
        raise typer.Exit(1)
