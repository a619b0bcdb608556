"""``saunetv2 measure``: photographs or masks in, tables of measurements out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_saunetv2.cli._measuring import (
    DiscDiameterOption,
    DiscOption,
    ExcelOption,
    ExportOption,
    SpacingOption,
    disc_of,
    fovea_of,
    spacing_of,
)
from napari_saunetv2.cli._shared import (
    DeviceOption,
    ModelOption,
    OverwriteOption,
    RecursiveOption,
    SchedulerOption,
    WorkersOption,
    bar,
    out,
    plain,
    refuse_existing,
)
from napari_saunetv2.config import DEFAULT, InferenceConfig
from napari_saunetv2.errors import SettingsError

if TYPE_CHECKING:
    from napari_saunetv2.batch.measuring import Measured


def measure(
    inputs: Annotated[
        list[str],
        typer.Argument(help="Photographs or vessel masks, folders, or patterns such as 'eyes/*.tif'."),
    ],
    output: Annotated[Path, typer.Option("--out", "-o", help="Folder for the tables and label images.")],
    model: ModelOption = DEFAULT,
    disc: DiscOption = "auto",
    fovea: Annotated[
        str, typer.Option(help="Fovea: auto (detected, else estimated from the disc), none, or x,y.")
    ] = "auto",
    spacing: SpacingOption = "auto",
    disc_diameter: DiscDiameterOption = 1800.0,
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
    names: Annotated[
        str | None,
        typer.Option(
            help="Also write a table under the names and by the formulas of automorph, pvbm or vascx."
        ),
    ] = None,
    export: ExportOption = None,
    excel: ExcelOption = False,
    device: DeviceOption = "auto",
    overwrite: OverwriteOption = False,
    recursive: RecursiveOption = False,
    resume: Annotated[bool, typer.Option("--resume", help="Skip images that are measured already.")] = False,
    workers: WorkersOption = 1,
    scheduler: SchedulerOption = None,
) -> None:
    """Measure vessels: calibers, lengths, tortuosity, branching, density, dimension, by region.

    A file that holds a mask is measured as it is; a photograph is segmented first. Of a folder, masks whose
    photograph lies beside them are left out. columns.csv, beside the table, says what every column and every
    measure means. What could not be measured is empty, and the note says why. A file that fails is reported
    and listed in failures.csv, and the others go on; the exit code is 1 if any failed. Any number of workers,
    and --resume, give the same tables to the last digit.

    **Examples**

    `saunetv2 measure photographs -o results`

    `saunetv2 measure photographs -o results --recursive --workers 4 --resume`

    `saunetv2 measure photographs -o results --excel --export geojson --export imagej`

    `saunetv2 measure 01_vessels.png -o results --disc 87,258,41 --spacing 20.4`
    """
    from napari_saunetv2.batch import exports, joining, measuring
    from napari_saunetv2.datasets import inputs as listing
    from napari_saunetv2.measure import files as measured
    from napari_saunetv2.measure.beside import Beside
    from napari_saunetv2.measure.names import PEERS

    if names is not None and names not in PEERS:
        raise SettingsError(f"--names is '{names}': give {', '.join(PEERS)}.")
    outputs = measuring.MeasureOutputs(output, names, exports.check(export or (), excel=excel))
    table = table or output / "measurements.csv"
    segments = segments or output / "segments.csv"
    if not (overwrite or resume):
        refuse_existing(table, segments, table.with_name("columns.csv"), table.with_name("failures.csv"))
        if excel:
            refuse_existing(table.with_suffix(".xlsx"))
    options = measured.MeasureOptions(
        disc_of(disc),
        fovea_of(fovea),
        spacing_of(spacing),
        disc_diameter,
        Beside(arteries, veins, fov, photograph, probability, threshold),
    )
    gathered = listing.gather(inputs, recursive=recursive, output=output, masks=True)
    files = gathered.files
    if options.beside.any and len(files) != 1:
        raise SettingsError(
            f"Files that belong to one mask were given, and {len(files)} inputs: give one mask at a time."
        )
    if words := gathered.left_out_in_words():
        out.print(f"left out: {plain(words)}")
    config = InferenceConfig(model=model, device=device)
    run = measuring.measure_files(
        files, options, config, outputs,
        workers=workers, scheduler=scheduler, resume=resume, overwrite=overwrite,
    )  # fmt: skip
    rows = []
    with bar() as shown:
        for row in shown.track(run, total=len(files), description="measuring"):
            rows.append(row)
            shown.console.print(_line(row))
            for remark in row.remarks:
                shown.console.print(f"  {plain(remark)}")
    joining.write_tables(rows, files, outputs, table, segments, excel=excel, overwrite=overwrite or resume)
    failed = sum(row.status == "failed" for row in rows)
    out.print(f"{len(files) - failed} of {len(files)} images measured, table in {plain(table)}")
    if failed:
        raise typer.Exit(1)


def _line(row: "Measured") -> str:
    name = plain(Path(row.file).name)
    if row.status == "failed":
        return f"[red]failed[/red] {name}: {plain(row.error)}"
    return f"{name}  " + ("measured already" if row.status == "kept" else f"{row.segments} segments")
