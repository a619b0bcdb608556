"""``saunetv2 segment``: images in, masks out."""

import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from napari_saunetv2.cli._large import SUFFIXES, segment_to_file
from napari_saunetv2.cli._shared import (
    DeviceOption,
    EngineOption,
    ModelOption,
    OverwriteOption,
    PrecisionOption,
    RecursiveOption,
    RescaleOption,
    SchedulerOption,
    TtaOption,
    WorkersOption,
    bar,
    number_or,
    out,
    plain,
)
from napari_saunetv2.config import DEFAULT, InferenceConfig

if TYPE_CHECKING:
    from napari_saunetv2.batch.cluster import Row


def segment(
    inputs: Annotated[
        list[str], typer.Argument(help="Images, folders of images, or patterns such as 'eyes/*.tif'.")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="Folder for the results; for a single image (of any size) also a file: .tif or .zarr.",
        ),
    ],
    model: ModelOption = DEFAULT,
    threshold: Annotated[
        str, typer.Option(help="auto (the model's own) or a number between 0 and 1.")
    ] = "auto",
    tta: TtaOption = "none",
    rescale: RescaleOption = "auto",
    tile: Annotated[
        str, typer.Option(help="auto (for large images), off, or the side of overlapping tiles in pixels.")
    ] = "auto",
    device: DeviceOption = "auto",
    engine: EngineOption = "auto",
    precision: PrecisionOption = "auto",
    fov: Annotated[
        str,
        typer.Option(help="Remove vessels outside the field of view: none, auto (detected), or a mask file."),
    ] = "none",
    min_size: Annotated[int, typer.Option(help="Remove vessels smaller than this many pixels.")] = 0,
    connected: Annotated[
        bool,
        typer.Option(
            "--connected",
            help="Extend vessels into connected pixels down to half the threshold (hysteresis).",
        ),
    ] = False,
    probability: Annotated[
        bool, typer.Option("--probability", help="Also write the probability map (TIFF).")
    ] = False,
    overlay: Annotated[
        bool, typer.Option("--overlay", help="Also write the vessels drawn on the image.")
    ] = False,
    suffix: Annotated[
        str, typer.Option("--format", help="Format of the vessel mask: png, tif or gif.")
    ] = "png",
    binary: Annotated[bool, typer.Option("--binary", help="Write the mask as 0/1 instead of 0/255.")] = False,
    vote: Annotated[
        bool,
        typer.Option(help="Arteries and veins: one class along each vessel, or each pixel its own."),
    ] = True,
    overwrite: OverwriteOption = False,
    recursive: RecursiveOption = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Skip images that already have their results.")
    ] = False,
    workers: WorkersOption = 1,
    scheduler: SchedulerOption = None,
    table: Annotated[
        Path | None, typer.Option(help="Table of the results per image: .csv or .parquet.")
    ] = None,
) -> None:
    """Segment images and write `NAME_vessels.png` for each, and `NAME_av.png` with arteries and veins.

    Arteries are red, veins blue, crossings green; this needs a model of arteries and veins.

    A failed file is reported and the others continue; the exit code is 1 if any failed. In a folder only
    photographs are segmented: masks and results of an earlier run are skipped, and counted.

    **Examples**

    `saunetv2 segment 01_test.tif -o results`

    `saunetv2 segment photographs -o results --workers 4 --table results/table.csv --resume`

    `saunetv2 segment DRIVE/test/images -o results --probability --overlay --tta d4`

    `saunetv2 segment photographs -o results --model saunetv2-av`

    `saunetv2 segment mosaic.zarr -o vessels.zarr`
    """
    config = InferenceConfig(
        model=model,
        device=device,
        tta=cast("Any", tta),
        rescale=number_or("--rescale", rescale, "auto", "off"),
        tile=number_or("--tile", tile, "auto", "off", whole=True),
        engine=cast("Any", engine),
        precision=cast("Any", precision),
    )
    level = number_or("--threshold", threshold, "auto")
    if (output.suffix.lower() in SUFFIXES and not output.is_dir()) or output.suffix.lower() == ".zarr":
        given = {
            "--fov": fov != "none", "--min-size": min_size, "--connected": connected, "--overlay": overlay,
            "--format": suffix != "png", "--binary": binary, "--resume": resume, "--workers": workers != 1,
            "--scheduler": scheduler, "--table": table,
            "--recursive": recursive, "--no-vote": not vote,
        }  # fmt: skip
        segment_to_file(
            inputs,
            output,
            config,
            threshold=level,
            what="probability" if probability else "vessels",
            overwrite=overwrite,
            refused=[option for option, is_given in given.items() if is_given],
        )
        return
    from napari_saunetv2 import batch, inference
    from napari_saunetv2.batch import cluster
    from napari_saunetv2.datasets import inputs as listing
    from napari_saunetv2.files import make_folder
    from napari_saunetv2.imaging.classes import is_artery_vein
    from napari_saunetv2.imaging.vessels import PostProcessing
    from napari_saunetv2.models import checkpoint

    found = listing.gather(inputs, recursive=recursive, output=output)
    files = found.files
    if words := found.left_out_in_words():
        out.print(f"left out: {plain(words)}")
    loaded = checkpoint.opened(model)
    level = inference.threshold_of(loaded, level, tta)
    post = PostProcessing(threshold=level, min_size=min_size, connected=connected, voted=vote, fov=fov)
    classes = loaded.header.classes
    if len(classes) > 1 and not is_artery_vein(classes):
        out.print(f"vessels of all classes ({plain(', '.join(classes))}) are written as one mask")
    options = batch.OutputOptions(
        output, suffix, 1 if binary else 255, probability, overlay, overwrite, is_artery_vein(classes)
    )
    if scheduler is None:  # the cluster's machines may have other devices and engines
        inference.resolved(loaded, config)  # once, not for every image
    make_folder(output)
    rows = cluster.segment_files(
        files, config, post, options, workers=workers, scheduler=scheduler, resume=resume
    )
    failed, begun = 0, time.monotonic()
    keep = (
        nullcontext(lambda _: None)
        if table is None
        else cluster.table(table, resume=resume, overwrite=overwrite)
    )
    with bar() as shown, keep as add:
        for row in shown.track(rows, total=len(files), description="segmenting"):
            add(row)
            failed += row.status == "failed"
            shown.console.print(_line(row))
            if row.remarks:
                shown.console.print(f"  [yellow]{plain(row.remarks)}[/yellow]")
    out.print(
        f"{len(files) - failed} of {len(files)} images segmented in {time.monotonic() - begun:.1f} s, "
        f"results in {plain(output)}"
    )
    if failed:
        raise typer.Exit(1)


def _line(row: "Row") -> str:
    name = plain(Path(row.file).name)
    if row.status == "failed":
        return f"[red]failed[/red] {name}: {plain(row.error)}"
    if row.status == "kept":
        return f"{name}  already has its results"
    return (
        f"{name}  {row.width} x {row.height}  {row.vessel_share_of_fov:.1%} of the field of view is vessel  "
        f"{row.seconds:.2f} s  -> {plain(row.result)}"
    )
