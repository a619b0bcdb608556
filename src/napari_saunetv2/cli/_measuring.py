"""Options that the commands which measure share, and what their texts mean."""

from typing import Annotated, Any

import typer

from napari_saunetv2.cli._shared import number_or
from napari_saunetv2.errors import SettingsError

DiscOption = Annotated[
    str, typer.Option(help="Optic disc: auto (detected, with a confidence), none, or x,y,r in pixels.")
]
SpacingOption = Annotated[
    str, typer.Option(help="auto (from the file, if stated), none, or micrometres per pixel.")
]
DiscDiameterOption = Annotated[
    float, typer.Option(help="Width of the disc in micrometres, assumed where no spacing is known.")
]
ExportOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Also write each image for another program: imagej (regions of interest), geojson (QuPath), "
        "ome-tiff (labels) or dicom-seg; may be given several times."
    ),
]
ExcelOption = Annotated[bool, typer.Option("--excel", help="Also write all tables into one Excel workbook.")]


def spacing_of(text: str) -> Any:
    """What ``--spacing`` says: auto, none or a number; raises SettingsError."""
    return number_or("--spacing", text, "auto", "none")


def disc_of(text: str) -> Any:
    """What ``--disc`` says: auto, none or (x, y, r); raises SettingsError."""
    return _numbers("--disc", text, "x,y,r")


def fovea_of(text: str) -> Any:
    """What ``--fovea`` says: auto, none or (x, y); raises SettingsError."""
    return _numbers("--fovea", text, "x,y")


def _numbers(option: str, text: str, shape: str) -> Any:
    """Parse one of the allowed words, or the numbers of a shape, separated by commas."""
    if text in ("auto", "none"):
        return text
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != len(shape.split(",")):
        raise SettingsError(f"{option} is '{text}': give {shape} in pixels, such as 87,258,41, auto or none.")
    return numbers
