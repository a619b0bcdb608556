"""Measuring files, and writing tables with the meaning of every column beside them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.datasets.partners import is_mask
from napari_saunetv2.errors import SettingsError
from napari_saunetv2.files import read_image, read_labels, read_spacing, write_beside
from napari_saunetv2.imaging import field_of_view, plausibility
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.measure.beside import Beside
from napari_saunetv2.measure.disc import DOUBTFUL, find_disc, guess_fovea
from napari_saunetv2.measure.measurements import IMAGE_COLUMNS, Measurements, measure
from napari_saunetv2.measure.regions import REGIONS, Circle
from napari_saunetv2.measure.rows import SEGMENT_COLUMNS
from napari_saunetv2.measure.table import MEASURES
from napari_saunetv2.measure.tree import grow
from napari_saunetv2.measure.units import DISC_DIAMETER

if TYPE_CHECKING:
    import pandas as pd

Segment = Callable[[NDArray[np.generic]], tuple[NDArray[np.float32], float]]
"""From a photograph to the probability of a vessel and the threshold that belongs to it."""


@dataclass(frozen=True)
class MeasureOptions:
    """Landmarks and scale of the images of a run.

    Attributes
    ----------
    disc : "auto", "none" or (x, y, r)
    fovea : "auto", "none" or (x, y)
    spacing : "auto", "none" or float
        Micrometres a pixel.
    disc_diameter : float
        Micrometres that the disc is assumed to measure where there is no spacing.
    beside : Beside
        Files that belong to the mask, of a run with one mask.
    """

    disc: Literal["auto", "none"] | tuple[float, float, float] = "auto"
    fovea: Literal["auto", "none"] | tuple[float, float] = "auto"
    spacing: Literal["auto", "none"] | float = "auto"
    disc_diameter: float = DISC_DIAMETER
    beside: Beside = field(default_factory=Beside)

    def __post_init__(self) -> None:
        """Check the spacing; raises SettingsError."""
        if not isinstance(self.spacing, str) and not (np.isfinite(self.spacing) and self.spacing > 0):
            raise SettingsError(f"The spacing is {self.spacing}: give micrometres a pixel above 0, or none.")


def measure_file(file: Path, options: MeasureOptions, segment: Segment) -> Measurements:
    """Measure a photograph, which is segmented first, or a mask.

    Raises
    ------
    SaunetError
        When the file cannot be read, segmented or measured.
    """
    probability = photograph = threshold = None
    given: dict[str, Any] = {}
    if is_mask(file):
        labels = read_labels(file)
        vessels = labels.pixels != 0
        fov = np.ones(vessels.shape, bool) if labels.ignored is None else ~labels.ignored
        given = options.beside.read(vessels.shape)
        probability, threshold = given.pop("probability"), given.pop("threshold")
        photograph, inside = given.pop("photograph"), given.pop("fov")
        if inside is not None:
            fov &= inside != 0
        plausibility.log(file.name, plausibility.of_labels(vessels))
    elif options.beside.any:
        raise SettingsError(
            f"'{file.name}' is a photograph, and files that belong to a mask were given: give the mask."
        )
    else:
        image = read_image(file)
        photograph = to_unit(image)
        fov = field_of_view.detect(photograph)
        probability, threshold = segment(image)
        vessels = (probability >= threshold) & fov
    remarks = []
    disc = None if isinstance(options.disc, str) else Circle(*options.disc)
    if options.disc == "auto":
        found = find_disc(grow("all", vessels), fov, photograph)
        if found is None or (found.doubt > DOUBTFUL and photograph is None):
            remarks.append("No optic disc was found: give it with --disc to have zones and micrometres.")
        else:
            disc = found.circle
            place = f"{disc.x:.0f},{disc.y:.0f},{disc.r:.0f}"
            remarks.append(f"Optic disc found at {place}, doubt {found.doubt:.2f}: check it, or give --disc.")
    fovea = None if isinstance(options.fovea, str) else options.fovea
    if options.fovea == "auto" and disc is not None:
        fovea = guess_fovea(disc, fov)
    result = measure(
        vessels,
        probability=probability,
        fov=fov,
        disc=disc,
        fovea=fovea,
        spacing=_spacing(file, options),
        photograph=photograph,
        threshold=threshold,
        disc_diameter=options.disc_diameter,
        arteries=given.get("arteries"),
        veins=given.get("veins"),
    )
    result.remarks.extend(remarks)
    return result


def _spacing(file: Path, options: MeasureOptions) -> float | None:
    """Micrometres a pixel; None where they are not known or differ between the axes."""
    if not isinstance(options.spacing, str):
        return options.spacing
    stated = read_spacing(file) if options.spacing == "auto" else None
    if stated is None or not stated.millimetres or not np.isclose(stated.height, stated.width, rtol=0.01):
        return None
    return 1000 * (stated.height + stated.width) / 2


def named(table: "pd.DataFrame", file: Path) -> "pd.DataFrame":
    """A table with the file in its first column."""
    table = table.copy()
    table.insert(0, "file", file.name)
    return table


def failed_row(file: Path, reason: str) -> "pd.DataFrame":
    """The row of a file that could not be measured."""
    import pandas as pd

    return pd.DataFrame([{"file": file.name, "note": f"failed: {reason}"}])


def columns_table() -> "pd.DataFrame":
    """What every column, measure and region means: its unit, formula and source."""
    import pandas as pd

    rows = [
        ("column of the images' table", k, v, "", "", "")
        for k, v in {"file": "name of the file", **IMAGE_COLUMNS}.items()
    ]
    rows += [
        ("column of the segments' table", k, v, "", "", "")
        for k, v in {"file": "name of the file", **SEGMENT_COLUMNS}.items()
    ]
    rows += [
        ("measure", m.key, m.title, f"length^{m.power}" if m.power else m.unit, m.formula, m.source)
        for m in MEASURES
    ]
    rows += [("region", r.key, r.title, "", "", "") for r in REGIONS]
    return pd.DataFrame(rows, columns=["what", "key", "meaning", "unit", "formula", "source"])


def write_tables(
    images: "Sequence[pd.DataFrame]",
    segments: "Sequence[pd.DataFrame]",
    table: Path,
    segment_table: Path,
    columns: Path,
    *,
    overwrite: bool = False,
) -> None:
    """Write both tables and their data dictionary as CSV; what could not be measured is an empty field."""
    import pandas as pd

    for path, frames in ((table, images), (segment_table, segments), (columns, [columns_table()])):
        whole = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
        text = whole.to_csv(index=False, lineterminator="\n")
        write_beside(path, lambda file, text=text: file.write(text.encode()), overwrite=overwrite)  # type: ignore[misc]


def write_labels(path: Path, labels: NDArray[np.int32], *, overwrite: bool = False) -> None:
    """Write the label image of the segments as TIFF."""
    import tifffile

    write_beside(path, lambda file: tifffile.imwrite(file, labels, compression="zlib"), overwrite=overwrite)
