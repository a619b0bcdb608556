"""``saunetv2 visits``: two photographs of one eye in, the change of its vessels out."""

from pathlib import Path
from typing import Annotated

import typer

from napari_saunetv2.cli._shared import (
    DeviceOption,
    ModelOption,
    OverwriteOption,
    number_or,
    out,
    plain,
    refuse_existing,
)
from napari_saunetv2.config import DEFAULT, InferenceConfig


def visits(
    earlier: Annotated[Path, typer.Argument(help="Photograph of the earlier visit, or its vessel mask.")],
    later: Annotated[Path, typer.Argument(help="Photograph of the later visit, or its vessel mask.")],
    output: Annotated[Path, typer.Option("--out", "-o", help="Folder for the pictures and tables.")],
    earlier_vessels: Annotated[
        Path | None, typer.Option(help="Mask of the earlier photograph's vessels, such as a corrected one.")
    ] = None,
    later_vessels: Annotated[
        Path | None, typer.Option(help="Mask of the later photograph's vessels.")
    ] = None,
    spacing: Annotated[
        str,
        typer.Option(
            help="Micrometres per pixel of the earlier photograph: auto (from the file, if stated), none, or "
            "a number."
        ),
    ] = "auto",
    later_spacing: Annotated[
        str,
        typer.Option(
            help="The same of the later photograph; it is only compared with the scale that the vessels show."
        ),
    ] = "auto",
    model: ModelOption = DEFAULT,
    device: DeviceOption = "auto",
    overwrite: OverwriteOption = False,
) -> None:
    """Compare the vessels of one eye at two visits.

    The later photograph is registered to the earlier one by its vessels. The folder gets it in the frame of
    the earlier one (LATER_registered.png, LATER_registered_vessels.png), the difference of the vessels
    (difference.png: faint green at both visits, yellow at the earlier only, blue at the later only, changed
    segments outlined), a table of segments with the change of width and length and its 95 % interval
    (segments.csv), a summary (summary.csv), the warnings (warnings.csv) and the meaning of every column
    (columns.csv).

    Photographs that are not of one eye, or hardly overlap, are refused.

    **Examples**

    `saunetv2 visits 2019.tif 2024.tif -o results`

    `saunetv2 visits 2019.tif 2024.tif --later-vessels 2024_corrected.png --spacing 6.4 -o results`
    """
    from napari_saunetv2.visits import compare, files
    from napari_saunetv2.visits.registration import refuse_two_eyes
    from napari_saunetv2.visits.summary import in_words

    size = number_or("--spacing", spacing, "auto", "none")
    other = number_or("--later-spacing", later_spacing, "auto", "none")
    targets = files.outputs(output, later)
    if not overwrite:
        refuse_existing(*targets)
    refuse_two_eyes(*((file.name, files.stated_eye(file)) for file in (earlier, later)))
    config = InferenceConfig(model=model, device=device)
    first = files.read_visit(earlier, config, earlier_vessels, size)
    second = files.read_visit(later, config, later_vessels, other)
    found = compare(first, second)
    files.write(found, first, second, targets, overwrite=overwrite)
    out.print(f"registered: {found.registration.in_words()}")
    out.print(in_words(found.segments))
    for warning in found.warnings:
        out.print(f"[yellow]{plain(warning)}[/yellow]")
    out.print(f"pictures and tables in {plain(output)}")
