"""The arrays of the layers that are measured, apart from the layers: a worker reads them."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.errors import ImageError
from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.imaging.ignored import judged
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.measure.inputs import Inputs, checked
from napari_saunetv2.measure.regions import Landmarks
from napari_saunetv2.plugin.common.layers import Planes
from napari_saunetv2.plugin.common.part import Part

Index = tuple[int, ...]

ARTERY, VEIN, BOTH = 1, 2, 3
"""Labels of a layer of arteries and veins; a crossing belongs to both."""

LABELS = {"auto": "auto", "vessels": "all vessels", "classes": "1 artery, 2 vein, 3 both"}
"""What the labels may mean; auto takes them for arteries and veins where there are 2 or 3 and none above."""


@dataclass(frozen=True, eq=False)
class Source:
    """What is measured.

    Attributes
    ----------
    vessels : Part
    meaning : "auto", "vessels" or "classes"
        What its labels mean.
    photograph : Planes or None
    picture : Part or None
        The photograph as its layer holds it.
    probability : Part or None
    threshold : float or None
        At which the probability gave the vessels, where that is known.
    fov : Part or "auto" or "none"
        auto detects it in the photograph; without one all of the frame is in view.
    """

    vessels: Part
    meaning: str
    photograph: Planes | None
    picture: Part | None
    probability: Part | None
    threshold: float | None
    fov: Part | str
    _known: dict[Index, tuple[Any, Any]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Raise ImageError where the layers differ in size."""
        shape = tuple(self.vessels.data.shape)
        if len(shape) < 2:
            raise ImageError(f"'{self.vessels.name}' has the shape {shape}: choose a layer of an image.")
        others = [x for x in (self.probability, self.fov) if isinstance(x, Part)]
        sizes = [(f"'{x.name}'", tuple(x.data.shape)) for x in others]
        if self.photograph is not None:
            sizes.append(("the photograph", self.photograph.shape))
        for name, size in sizes:
            if size not in (shape, shape[-2:]):
                raise ImageError(
                    f"'{self.vessels.name}' has the shape {shape}, {name} {size}: choose layers of the same "
                    "image."
                )

    @property
    def indices(self) -> list[Index]:
        """Indices of all planes."""
        return [tuple(map(int, index)) for index in np.ndindex(*self.vessels.data.shape[:-2])]

    def renewed(self, vessels: Part) -> "Source":
        """Give the same with the vessels as they are now; raises ImageError where they have another size."""
        if tuple(vessels.data.shape) != tuple(self.vessels.data.shape):
            raise ImageError(
                f"'{vessels.name}' has the shape {tuple(vessels.data.shape)} now, and had "
                f"{tuple(self.vessels.data.shape)} when it was measured: press Measure."
            )
        return replace(self, vessels=vessels)

    def inputs(self, index: Index, pixels: NDArray[Any], landmarks: Landmarks, *, classes: bool) -> Inputs:
        """Prepare a plane for measuring; raises SaunetError.

        Parameters
        ----------
        index : tuple of int
        pixels : array, shape (H, W)
            Labels of the plane.
        landmarks : Landmarks
        classes : bool
            Whether the labels are those of arteries and veins.
        """
        labels, ignored = judged(pixels)
        seen, photograph = self.surroundings(index)
        if ignored is not None:
            seen = ~ignored if seen is None else (np.asarray(seen) != 0) & ~ignored
        top = labels.max(initial=0)
        if classes and top > BOTH:
            raise ImageError(
                f"'{self.vessels.name}' has the label {top}: as arteries and veins only 1, 2 and 3 mean "
                "something. Choose 'all vessels' as the meaning of the labels, or paint over it."
            )
        return checked(
            labels,
            np.isin(labels, (ARTERY, BOTH)) if classes else None,
            np.isin(labels, (VEIN, BOTH)) if classes else None,
            None if self.probability is None else self.probability.plane(index),
            seen,
            landmarks.disc,
            landmarks.fovea,
            photograph,
            self.threshold,
        )

    def has_classes(self, planes: list[NDArray[Any]]) -> bool:
        """Whether the labels are those of arteries and veins."""
        if self.meaning != "auto":
            return self.meaning == "classes"
        tops = [int(judged(pixels)[0].max(initial=0)) for pixels in planes]
        return max(tops, default=0) in (VEIN, BOTH)

    def number_in_photograph(self, index: Index) -> int:
        """Give the number of the photograph's plane: of a single one, that of all planes of the vessels."""
        if self.photograph is None or len(self.photograph) == 1:
            return 0
        return int(np.ravel_multi_index(index, self.photograph.shape[:-2]))

    def surroundings(self, index: Index) -> tuple[Any, Any]:
        """Field of view and photograph of a plane, None where there is none; read once."""
        if index not in self._known:
            photograph = None
            if self.photograph is not None:
                photograph = to_unit(self.photograph[self.number_in_photograph(index)])
            if isinstance(self.fov, Part):
                seen = self.fov.plane(index)
            elif self.fov == "auto" and photograph is not None:
                seen = field_of_view.detect(photograph)
            else:
                seen = None
            self._known[index] = seen, photograph
        return self._known[index]
