"""Measuring files, photographs or masks, and writing what was measured."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.datasets.partners import is_mask
from napari_saunetv2.errors import SettingsError
from napari_saunetv2.files import read_image, read_labels, read_spacing, write_beside
from napari_saunetv2.imaging import plausibility
from napari_saunetv2.imaging.classes import BOTH, split
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.measure.beside import Beside
from napari_saunetv2.measure.inputs import landmarks_of
from napari_saunetv2.measure.measurements import Measurements, measure
from napari_saunetv2.measure.names import Peer, under_names
from napari_saunetv2.measure.placing import place_disc, place_fovea
from napari_saunetv2.measure.regions import Circle, Landmarks, Point
from napari_saunetv2.measure.units import DISC_DIAMETER, Scale, is_length

if TYPE_CHECKING:
    import pandas as pd


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
    fov : array, shape (H, W), bool
        Field of view that the model was given.
    """

    probability: NDArray[np.float32]
    threshold: float
    classes: NDArray[np.integer] | None
    fov: NDArray[np.bool_]


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
        """Check scale and landmarks; raises SettingsError."""
        if not isinstance(self.spacing, str) and not is_length(self.spacing):
            raise SettingsError(f"The spacing is {self.spacing}: give micrometres a pixel above 0, or none.")
        Scale(disc_diameter=self.disc_diameter)
        disc, fovea = self.disc, self.fovea
        landmarks_of(None if isinstance(disc, str) else disc, None if isinstance(fovea, str) else fovea)


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
        found = segment(image)
        probability, threshold, classes = found.probability, found.threshold, found.classes
        fov = found.fov
        vessels = (probability >= threshold) & fov
    arteries, veins = given.get("arteries"), given.get("veins")
    if arteries is None and classes is not None:
        arteries, veins = np.moveaxis(split(classes, 2, overlapping=True) & fov[..., None], 2, 0)
    source = Source(vessels, fov, arteries, veins, probability, photograph, threshold)
    result, remarks = measure_source(source, options, spacing_of(file, options), locate)
    result.remarks.extend(unknown + remarks)
    return result


@dataclass(frozen=True)
class Source:
    """What is known of an image before it is measured; arguments of :func:`napari_saunetv2.measure.measure`.

    Attributes
    ----------
    vessels, fov : array, shape (H, W), bool
    arteries, veins : array, shape (H, W), bool, optional
    probability : array, shape (H, W), float32, range [0, 1], optional
    photograph : array, shape (H, W, 3), float32, range [0, 1], optional
    threshold : float, optional
    """

    vessels: NDArray[np.bool_]
    fov: NDArray[np.bool_]
    arteries: NDArray[np.bool_] | None = None
    veins: NDArray[np.bool_] | None = None
    probability: NDArray[np.float32] | None = None
    photograph: NDArray[np.float32] | None = None
    threshold: float | None = None


def measure_source(
    source: Source, options: MeasureOptions, spacing: float | None, locate: Locate | None = None
) -> tuple[Measurements, list[str]]:
    """Find the landmarks of an image, and measure it.

    Parameters
    ----------
    source : Source
    options : MeasureOptions
    spacing : float or None
        Micrometres a pixel.
    locate : callable, optional
        As for :func:`measure_file`.

    Returns
    -------
    Measurements
    list of str
        Where disc and fovea were found, or not, and what to do about it.
    """
    photograph, fov = source.photograph, source.fov
    seen = None
    if photograph is not None and locate is not None and "auto" in (options.disc, options.fovea):
        seen = locate(photograph, fov)
    disc, remarks = _disc(options, seen, source.vessels, fov, photograph)
    fovea, more = _fovea(options, seen, disc, fov)
    result = measure(
        source.vessels,
        arteries=source.arteries,
        veins=source.veins,
        probability=source.probability,
        fov=fov,
        disc=disc,
        fovea=fovea,
        spacing=spacing,
        photograph=photograph,
        threshold=source.threshold,
        disc_diameter=options.disc_diameter,
    )
    if seen is None:
        return result, remarks + more
    landmarks = replace(
        seen,
        disc=disc,
        fovea=fovea,
        disc_confidence=seen.disc_confidence if disc == seen.disc else None,
        fovea_confidence=seen.fovea_confidence if fovea == seen.fovea else None,
    )
    return replace(result, landmarks=landmarks), remarks + more


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


def spacing_of(file: Path, options: MeasureOptions) -> float | None:
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


def write_labels(path: Path, labels: NDArray[np.int32], *, overwrite: bool = False) -> None:
    """Write the label image of the segments as TIFF."""
    import tifffile

    write_beside(path, lambda file: tifffile.imwrite(file, labels, compression="zlib"), overwrite=overwrite)
