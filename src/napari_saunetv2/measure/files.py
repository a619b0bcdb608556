"""Measuring files, and writing tables with the meaning of every column beside them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.datasets.partners import is_mask
from napari_saunetv2.errors import SettingsError
from napari_saunetv2.files import read_image, read_labels, read_spacing, write_beside
from napari_saunetv2.imaging import field_of_view, plausibility
from napari_saunetv2.imaging.classes import BOTH, split
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.measure.beside import Beside
from napari_saunetv2.measure.measurements import IMAGE_COLUMNS, Measurements, measure
from napari_saunetv2.measure.names import Peer, names_of, under_names
from napari_saunetv2.measure.placing import place_disc, place_fovea
from napari_saunetv2.measure.regions import REGIONS, Circle, Landmarks, Point
from napari_saunetv2.measure.rows import SEGMENT_COLUMNS
from napari_saunetv2.measure.table import MEASURES
from napari_saunetv2.measure.units import DISC_DIAMETER

if TYPE_CHECKING:
    import pandas as pd

FAILURE_COLUMNS = {"file": "name of the file, with its subfolder", "reason": "why it could not be measured"}
"""Columns of the table of what failed and what they mean."""


class Segmented(NamedTuple):
    """Vessels that a model found.

    Attributes
    ----------
    probability : array, shape (H, W), float32, range [0, 1]
        Of a vessel.
    threshold : float
        Probability from which a pixel is a vessel.
    classes : array, shape (H, W), or None
        1 artery, 2 vein, 3 both, 0 background; None if the model does not tell them apart.
    """

    probability: NDArray[np.float32]
    threshold: float
    classes: NDArray[np.integer] | None = None


Segment = Callable[[NDArray[np.generic]], Segmented]
"""From a photograph to its vessels."""

Locate = Callable[[NDArray[np.generic], NDArray[np.bool_]], Landmarks]
"""From a photograph and its field of view to its disc and fovea."""


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


def measure_file(
    file: Path, options: MeasureOptions, segment: Segment, locate: Locate | None = None
) -> Measurements:
    """Measure a photograph, which is segmented first, or a mask.

    Where ``locate`` finds no disc, or there is none, the disc is looked for by vessels and brightness.

    Raises
    ------
    SaunetError
        When the file cannot be read, segmented or measured.
    """
    probability = photograph = threshold = None
    classes: NDArray[np.integer] | None
    given: dict[str, Any] = {}
    unknown: list[str] = []
    if is_mask(file):
        labels = read_labels(file)
        vessels = labels.pixels != 0
        known = labels.classes if labels.artery_vein else None
        classes = None if known is None else np.where(known <= BOTH, known, 0)
        if known is not None and (left := float((known > BOTH).sum() / max(1, vessels.sum()))):
            unknown = [
                f"{left:.1%} of the vessel pixels are of unknown class: they count in areas and dimensions "
                "of all vessels, but their segments are not measured."
            ]
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
        probability, threshold, classes = segment(image)
        vessels = (probability >= threshold) & fov
    seen = None
    if photograph is not None and locate is not None and "auto" in (options.disc, options.fovea):
        seen = locate(photograph, fov)
    disc, remarks = _disc(options, seen, vessels, fov, photograph)
    fovea, more = _fovea(options, seen, disc, fov)
    arteries, veins = given.get("arteries"), given.get("veins")
    if arteries is None and classes is not None:
        arteries, veins = np.moveaxis(split(classes, 2, overlapping=True) & fov[..., None], 2, 0)
    result = measure(
        vessels,
        arteries=arteries,
        veins=veins,
        probability=probability,
        fov=fov,
        disc=disc,
        fovea=fovea,
        spacing=_spacing(file, options),
        photograph=photograph,
        threshold=threshold,
        disc_diameter=options.disc_diameter,
    )
    result.remarks.extend(unknown + remarks + more)
    if seen is None:
        return result
    landmarks = replace(
        seen,
        disc=disc,
        fovea=fovea,
        disc_confidence=seen.disc_confidence if disc == seen.disc else None,
        fovea_confidence=seen.fovea_confidence if fovea == seen.fovea else None,
    )
    return replace(result, landmarks=landmarks)


def _disc(
    options: MeasureOptions,
    seen: Landmarks | None,
    vessels: NDArray[np.bool_],
    fov: NDArray[np.bool_],
    photograph: NDArray[np.float32] | None,
) -> tuple[Circle | None, list[str]]:
    """The disc of an image, and what a user should know about it."""
    if options.disc != "auto":
        return None if isinstance(options.disc, str) else Circle(*options.disc), []
    found = place_disc(seen, vessels, fov, photograph)
    if found is None:
        return None, ["No optic disc was found: give it with --disc to have zones and micrometres."]
    disc, sure = found.circle, f"doubt {found.doubt:.2f}"
    if seen is not None and disc == seen.disc:
        eye = f"{seen.eye} eye, " if seen.eye else ""
        sure = f"{eye}confidence {seen.disc_confidence:.2f}"
    place = f"{disc.x:.0f},{disc.y:.0f},{disc.r:.0f}"
    return disc, [f"Optic disc found at {place}, {sure}: check it, or give --disc."]


def _fovea(
    options: MeasureOptions, seen: Landmarks | None, disc: Circle | None, fov: NDArray[np.bool_]
) -> tuple[Point | None, list[str]]:
    """The fovea, and what a user should know about it; estimated only where it was not looked for."""
    if options.fovea != "auto":
        return None if isinstance(options.fovea, str) else Point(*options.fovea), []
    found = place_fovea(seen, disc, fov)
    if found is None:
        return None, ["No fovea was found: give it with --fovea to have the ETDRS grid and quadrants."]
    fovea, sure = found.point, "estimated from the disc"
    if seen is not None and found.how == "found":
        sure = f"confidence {seen.fovea_confidence or 0:.2f}"
    return fovea, [f"Fovea at {fovea.x:.0f},{fovea.y:.0f}, {sure}: check it, or give --fovea."]


def _spacing(file: Path, options: MeasureOptions) -> float | None:
    """Micrometres a pixel; None where they are not known or differ between the axes."""
    if not isinstance(options.spacing, str):
        return options.spacing
    stated = read_spacing(file) if options.spacing == "auto" else None
    if stated is None or not stated.millimetres or not np.isclose(stated.height, stated.width, rtol=0.01):
        return None
    return 1000 * (stated.height + stated.width) / 2


def named(table: "pd.DataFrame", file: str) -> "pd.DataFrame":
    """A table with the file in its first column."""
    table = table.copy()
    table.insert(0, "file", file)
    return table


def under_names_table(found: Measurements, peer: Peer) -> "pd.DataFrame":
    """One row with the measures under another program's names."""
    import pandas as pd

    return pd.DataFrame([under_names(found, peer)])


def columns_table(peer: Peer | None = None) -> "pd.DataFrame":
    """What every column, measure and region means: its unit, formula and source."""
    import pandas as pd

    rows = [
        ("column of the images' table", k, v, "", "", "")
        for k, v in {"file": "name of the file, with its subfolder", **IMAGE_COLUMNS}.items()
    ]
    rows += [
        ("column of the segments' table", k, v, "", "", "")
        for k, v in {"file": "name of the file, with its subfolder", **SEGMENT_COLUMNS}.items()
    ]
    rows += [
        ("column of the failures' table", key, text, "", "", "") for key, text in FAILURE_COLUMNS.items()
    ]
    rows += [
        ("measure", m.key, m.title, f"length^{m.power}" if m.power else m.unit, m.formula, m.source)
        for m in MEASURES
    ]
    rows += [
        (
            f"column of the table under {peer}'s names",
            one.column,
            one.differs,
            one.unit,
            one.formula,
            f"{peer}",
        )
        for one in (() if peer is None else names_of(peer))
    ]
    rows += [("region", r.key, r.title, "", "", "") for r in REGIONS]
    return pd.DataFrame(rows, columns=["what", "key", "meaning", "unit", "formula", "source"])


def write_labels(path: Path, labels: NDArray[np.int32], *, overwrite: bool = False) -> None:
    """Write the label image of the segments as TIFF."""
    import tifffile

    write_beside(path, lambda file: tifffile.imwrite(file, labels, compression="zlib"), overwrite=overwrite)
