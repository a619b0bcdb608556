"""``saunetv2 measure``: photographs or masks in, tables of measurements out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_saunetv2.cli._shared import (
    DeviceOption,
    ModelOption,
    OverwriteOption,
    bar,
    number_or,
    out,
    plain,
    refuse_existing,
)
from napari_saunetv2.errors import SaunetError, SettingsError

if TYPE_CHECKING:
    import pandas as pd


def measure(
    inputs: Annotated[
        list[str],
        typer.Argument(help="Photographs or vessel masks, folders, or patterns such as 'eyes/*.tif'."),
    ],
    output: Annotated[Path, typer.Option("--out", "-o", help="Folder for the tables and label images.")],
    model: ModelOption = "saunetv2-general",
    disc: Annotated[
        str, typer.Option(help="Optic disc: auto (detected, with a confidence), none, or x,y,r in pixels.")
    ] = "auto",
    fovea: Annotated[
        str, typer.Option(help="Fovea: auto (estimated from the disc), none, or x,y in pixels.")
    ] = "auto",
    spacing: Annotated[
        str, typer.Option(help="auto (from the file, if stated), none, or micrometres per pixel.")
    ] = "auto",
    disc_diameter: Annotated[
        float, typer.Option(help="Width of the disc in micrometres, assumed where no spacing is known.")
    ] = 1800.0,
    arteries: Annotated[
        Path | None, typer.Option(help="Mask of the arteries, for one mask of vessels; needs --veins.")
    ] = None,
    veins: Annotated[Path | None, typer.Option(help="Mask of the veins; needs --arteries.")] = None,
    fov: Annotated[
        Path | None, typer.Option(help="Mask of the field of view, for one mask of vessels.")
    ] = None,
    photograph: Annotated[
        Path | None, typer.Option(help="Photograph of one mask of vessels: widths are also measured in it.")
    ] = None,
    probability: Annotated[
        Path | None,
        typer.Option(help="Probability (TIFF) of one mask of vessels: finer edges, and ranges."),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(help="Threshold at which the probability gave the mask; else estimated."),
    ] = None,
    table: Annotated[
        Path | None, typer.Option(help="Table of images (CSV); default: measurements.csv in the folder.")
    ] = None,
    segments: Annotated[
        Path | None, typer.Option(help="Table of all segments (CSV); default: segments.csv in the folder.")
    ] = None,
    device: DeviceOption = "auto",
    overwrite: OverwriteOption = False,
) -> None:
    """Measure vessels: calibers, lengths, tortuosity, branching, density, dimension, by region.

    A file that holds a mask is measured as it is; a photograph is segmented first. Of a folder, masks whose
    photograph lies beside them are left out. columns.csv, beside the table, says what every column and every
    measure means. What could not be measured is empty, and the note says why. A file that fails is reported
    and the others go on; the exit code is 1 if any failed.

    **Examples**

    `saunetv2 measure photographs -o results`

    `saunetv2 measure 01_vessels.png -o results --disc 87,258,41 --spacing 20.4`
    """
    from napari_saunetv2.datasets import inputs as listing
    from napari_saunetv2.files import make_folder
    from napari_saunetv2.measure import files as measured
    from napari_saunetv2.measure.beside import Beside

    table = table or output / "measurements.csv"
    segments = segments or output / "segments.csv"
    columns = table.with_name("columns.csv")
    if not overwrite:
        refuse_existing(table, segments, columns)
    options = measured.MeasureOptions(
        _numbers("--disc", disc, 3),
        _numbers("--fovea", fovea, 2),
        number_or("--spacing", spacing, "auto", "none"),
        disc_diameter,
        Beside(arteries, veins, fov, photograph, probability, threshold),
    )
    gathered = listing.gather(inputs, output=output, masks=True)
    files = gathered.files
    if options.beside.any and len(files) != 1:
        raise SettingsError(
            f"Files that belong to one mask were given, and {len(files)} inputs: give one mask at a time."
        )
    if words := gathered.left_out_in_words():
        out.print(f"left out: {plain(words)}")
    make_folder(output)
    segment = _segmenter(model, device)
    images: list[pd.DataFrame] = []
    pieces: list[pd.DataFrame] = []
    failed = 0
    with bar() as shown:
        for file, name in shown.track(
            listing.result_names(files).items(), total=len(files), description="measuring"
        ):
            try:
                found = measured.measure_file(file, options, segment)
                measured.write_labels(output / f"{name}_segments.tif", found.labels, overwrite=overwrite)
            except SaunetError as error:
                failed += 1
                images.append(measured.failed_row(file, str(error)))
                shown.console.print(f"[red]failed[/red] {plain(file.name)}: {plain(error)}")
                continue
            images.append(measured.named(found.image, file))
            pieces.append(measured.named(found.segments, file))
            shown.console.print(f"{plain(file.name)}  {len(found.segments)} segments")
            for remark in found.remarks:
                shown.console.print(f"  {plain(remark)}")
    measured.write_tables(images, pieces, table, segments, columns, overwrite=overwrite)
    out.print(f"{len(files) - failed} of {len(files)} images measured, table in {plain(table)}")
    if failed:
        raise typer.Exit(1)


def _numbers(option: str, text: str, count: int) -> Any:
    """Parse one of the allowed words, or this many numbers separated by commas."""
    if text in ("auto", "none"):
        return text
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != count:
        shape = "x,y,r" if count == 3 else "x,y"
        raise SettingsError(f"{option} is '{text}': give {shape} in pixels, such as 87,258,41, auto or none.")
    return numbers


def _segmenter(model: str, device: str) -> Any:
    """Function from a photograph to its probability and threshold; loads the model when first called."""
    loaded: list[Any] = []

    def segment(photograph: Any) -> tuple[Any, float]:
        from napari_saunetv2 import inference
        from napari_saunetv2.models import checkpoint

        if not loaded:
            loaded.append(checkpoint.load(model))
        probability = inference.segment(photograph, loaded[0], device=device)
        return probability, inference.threshold_of(loaded[0], "auto")

    return segment
