"""Two visits as files: photographs or masks in; pictures and tables out."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.datasets.partners import is_mask, stem
from napari_saunetv2.errors import SettingsError
from napari_saunetv2.files import (
    make_folder,
    read_acquisition,
    read_image,
    read_labels,
    read_spacing,
    write_beside,
    write_image,
    write_mask,
)
from napari_saunetv2.visits.comparison import Comparison
from napari_saunetv2.visits.drawing import difference_picture
from napari_saunetv2.visits.photograph import About, masked, segmented
from napari_saunetv2.visits.segments import SEGMENT_COLUMNS
from napari_saunetv2.visits.summary import SUMMARY_COLUMNS
from napari_saunetv2.visits.visit import Visit

if TYPE_CHECKING:
    import pandas as pd

WARNING_COLUMNS = {"warning": "what to know before trusting a difference"}
"""Columns of the table of warnings and what they mean."""


class Written(NamedTuple):
    """Files of a comparison, in a folder."""

    registered: Path
    vessels: Path
    difference: Path
    segments: Path
    summary: Path
    warnings: Path
    columns: Path


def outputs(folder: Path, later: Path) -> Written:
    """Give the files that are written of a comparison; the later photograph's name is in two of them."""
    name = stem(later)
    return Written(
        folder / f"{name}_registered.png",
        folder / f"{name}_registered_vessels.png",
        folder / "difference.png",
        folder / "segments.csv",
        folder / "summary.csv",
        folder / "warnings.csv",
        folder / "columns.csv",
    )


def read_visit(
    file: Path,
    config: InferenceConfig,
    vessels: Path | None = None,
    spacing: Literal["auto", "none"] | float = "auto",
) -> Visit:
    """Read a visit from a photograph, which is segmented, or from a mask.

    Parameters
    ----------
    file : Path
        Photograph or mask.
    config : InferenceConfig
        For a photograph.
    vessels : Path, optional
        Mask of a photograph's vessels, such as a corrected one: the photograph is not segmented then.
    spacing : "auto", "none" or float
        Micrometres per pixel; "auto" takes those that the file states.

    Raises
    ------
    SaunetError
        When a file cannot be read or segmented.
    """
    size = stated_spacing(file) if spacing == "auto" else None if spacing == "none" else spacing
    about = About(file.name, size, stated_eye(file))
    if is_mask(file):
        if vessels is not None:
            raise SettingsError(
                f"'{file.name}' is a mask, and '{vessels.name}' was given as its vessels: give a photograph "
                "with a mask, or the mask alone."
            )
        labels = read_labels(file)
        return masked(labels.pixels, about, ignored=labels.ignored)
    image = read_image(file)
    if vessels is None:
        return segmented(image, config, about)
    labels = read_labels(vessels)
    return masked(labels.pixels, about, image, labels.ignored)


def stated_spacing(file: Path) -> float | None:
    """Micrometres a pixel that a file states; None where it does not, or its pixels are not square."""
    stated = read_spacing(file)
    if stated is None or not stated.millimetres or not np.isclose(stated.height, stated.width, rtol=0.01):
        return None
    return 500 * (stated.height + stated.width)


def stated_eye(file: Path) -> str:
    """Tell which eye a DICOM file says that it shows; "" where it does not, or for any other file."""
    said = read_acquisition(file)
    return said.eye if said is not None and said.eye in ("left", "right") else ""


def write(
    found: Comparison, earlier: Visit, later: Visit, files: Written, *, overwrite: bool = False
) -> None:
    """Write pictures and tables of a comparison; raises OverwriteError, FileFormatError."""
    make_folder(files.segments.parent)
    picture = later.photograph if later.photograph is not None else later.inputs.vessels
    write_image(
        files.registered,
        as_bytes(found.registration.warp(np.asarray(picture, np.float32))),
        overwrite=overwrite,
    )
    write_mask(files.vessels, found.vessels, overwrite=overwrite)
    drawing = difference_picture(found, earlier, later)
    write_beside(files.difference, lambda file: drawing.save(file, "png"), overwrite=overwrite)
    write_tables(found, files, overwrite=overwrite)


def write_tables(found: Comparison, files: Written, *, overwrite: bool = False) -> None:
    """Write the tables of a comparison, with the meaning of every column."""
    for name, table in tables_of(found).items():
        path: Path = getattr(files, name)
        text = table.to_csv(index=False, lineterminator="\n").encode()
        write_beside(path, lambda out, text=text: out.write(text), overwrite=overwrite)  # type: ignore[misc]


def tables_of(found: Comparison) -> "dict[str, pd.DataFrame]":
    """Give the tables of a comparison by name: segments, summary, warnings, and what their columns mean."""
    import pandas as pd

    warnings = pd.DataFrame({"warning": list(found.warnings)})
    return {
        "segments": found.segments,
        "summary": found.summary,
        "warnings": warnings,
        "columns": columns_table(),
    }


def columns_table() -> "pd.DataFrame":
    """What every column of the tables means."""
    import pandas as pd

    tables = {"segments": SEGMENT_COLUMNS, "summary": SUMMARY_COLUMNS, "warnings": WARNING_COLUMNS}
    rows = [
        (f"column of {name}.csv", key, text)
        for name, columns in tables.items()
        for key, text in columns.items()
    ]
    return pd.DataFrame(rows, columns=["what", "key", "meaning"])


def as_bytes(image: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Turn an image of any shape, range [0, 1], into uint8; what lies outside the range is cut to it."""
    return np.asarray(np.rint(np.clip(image, 0, 1) * 255), np.uint8)
