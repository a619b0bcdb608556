"""What is known of an eye at one visit: vessels, and what tells how well they are known."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import ConvexHull, Delaunay, QhullError

from napari_saunetv2.errors import ImageError, SettingsError
from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.imaging.quality import profile_width
from napari_saunetv2.measure.centreline import Floats
from napari_saunetv2.measure.inputs import Inputs, checked
from napari_saunetv2.measure.tree import Tree, grown
from napari_saunetv2.measure.units import is_length

LEAST_LENGTH = 1.5
"""Diameters of the field of view: with less vessel in all, no photograph can be recognised by it."""

_BEYOND = 0.02
"""Diameters by which the field of view reaches beyond the outermost vessels, where it is not known."""


@dataclass(frozen=True, eq=False)
class Visit:
    """An eye at one visit.

    Attributes
    ----------
    vessels : array, shape (H, W)
        A vessel where not 0.
    fov : array, shape (H, W), optional
        In view where not 0. Without it, the photograph tells; without that, the outline of the vessels does.
    probability : array, shape (H, W), range [0, 1], optional
        Probability of a vessel, for edges between pixels and the uncertainty of widths.
    threshold : float, between 0 and 1, optional
        At which the probability gave the mask; estimated where it is not given.
    photograph : array, shape (H, W) or (H, W, 3), range [0, 1], optional
        As :func:`napari_saunetv2.imaging.intensity.to_unit` gives it; its sharpness counts in uncertainties.
    spacing : float, optional
        Micrometres per pixel.
    name : str
        As messages call it.
    eye : "left", "right" or ""
        As far as it is known.

    Raises
    ------
    ImageError
        For arrays of different shapes, or a probability outside its range.
    SettingsError
        For a threshold or spacing that cannot be.
    """

    vessels: ArrayLike
    fov: ArrayLike | None = None
    probability: ArrayLike | None = None
    threshold: float | None = None
    photograph: ArrayLike | None = None
    spacing: float | None = None
    name: str = "photograph"
    eye: str = ""

    def __post_init__(self) -> None:
        """Check the arrays and the spacing."""
        if self.spacing is not None and not is_length(self.spacing):
            raise SettingsError(
                f"The spacing of '{self.name}' is {self.spacing!r}: give micrometres a pixel above 0, or "
                "none."
            )
        self.inputs  # noqa: B018 - raises for what does not fit

    @cached_property
    def inputs(self) -> Inputs:
        """The arrays, checked, with the vessels inside the field of view."""
        seen = self.fov
        if seen is None and self.photograph is not None:
            picture = np.asarray(self.photograph, np.float32)
            seen = field_of_view.detect(picture if picture.ndim == 3 else np.dstack([picture] * 3))
        if seen is None:
            seen = _around(np.asarray(self.vessels) != 0)
        return checked(
            self.vessels, None, None, self.probability, seen, None, None, self.photograph, self.threshold
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width, pixels."""
        return self.inputs.vessels.shape

    @cached_property
    def diameter(self) -> float:
        """Diameter of the field of view, pixels; at least half of the frame's shorter side.

        Few vessels in one place are no small field of view.
        """
        found = field_of_view.diameter(self.inputs.fov) or float(max(self.shape))
        return max(found, min(self.shape) / 2)

    @cached_property
    def centre(self) -> Floats:
        """Row and column of the middle of what is in view."""
        rows, columns = (np.flatnonzero(self.inputs.fov.any(axis=axis)) for axis in (1, 0))
        return np.array([rows[0] + rows[-1], columns[0] + columns[-1]]) / 2

    @cached_property
    def tree(self) -> Tree:
        """Centre lines and cross-sections of the vessels.

        Raises
        ------
        ImageError
            Where there are too few vessels to recognise the eye by.
        """
        (tree,) = grown(self.inputs)
        length = float(tree.sections.lines.lengths().sum())
        if length < LEAST_LENGTH * self.diameter:
            raise ImageError(
                f"'{self.name}' shows {length:.0f} pixels of vessels, {length / self.diameter:.1f} times the "
                f"width of its field of view: at least {LEAST_LENGTH:g} times are needed to tell an eye. "
                "Choose a photograph that shows more vessels, or correct the mask."
            )
        return tree

    @cached_property
    def profile(self) -> float | None:
        """Width of the vessels' profiles, standard deviation in pixels; None without a photograph."""
        if self.photograph is None:
            return None
        picture = np.asarray(self.photograph, np.float32)
        unit = picture if picture.ndim == 3 else np.dstack([picture] * 3)
        width = profile_width(unit, self.inputs.fov)
        return None if width is None else width * self.diameter

    def sees(self, points: Floats) -> NDArray[np.bool_]:
        """Whether points, rows and columns, are in view."""
        at = np.rint(points).astype(np.intp)
        inside = ((at >= 0) & (at < self.shape)).all(axis=1)
        result = np.zeros(len(points), bool)
        result[inside] = self.inputs.fov[tuple(at[inside].T)]
        return result


def _around(vessels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Give the convex outline of a mask, a little beyond its vessels; the whole frame where there is none."""
    if vessels.ndim != 2 or not vessels.any():
        return np.ones(vessels.shape, bool)
    points = np.argwhere(vessels).astype(float)
    try:
        hull = points[ConvexHull(points).vertices]
    except QhullError:  # all in one line
        return np.ones(vessels.shape, bool)
    middle = hull.mean(axis=0)
    reach = hull - middle
    hull = hull + reach * (_BEYOND * 2 * np.hypot(*reach.T).max() / np.hypot(*reach.T))[:, None]
    lattice = np.indices(vessels.shape).reshape(2, -1).T
    return np.asarray(Delaunay(hull).find_simplex(lattice) >= 0).reshape(vessels.shape) | vessels
