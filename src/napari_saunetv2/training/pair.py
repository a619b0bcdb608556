"""A photograph with the vessels that somebody drew on it: what a training is given."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.datasets import Sample
from napari_saunetv2.errors import ImageError
from napari_saunetv2.imaging import field_of_view, plausibility
from napari_saunetv2.imaging import frame as frames
from napari_saunetv2.imaging.frame import Frame
from napari_saunetv2.imaging.ignored import judged
from napari_saunetv2.imaging.intensity import to_unit


@dataclass(frozen=True)
class Pair:
    """A photograph and its annotated vessels.

    Attributes
    ----------
    name : str
    image : array, shape (H, W), (H, W, 3) or (H, W, 4), uint8, uint16 or float in [0, 1]
    vessels : array, shape (H, W)
        Labels; see ``TrainConfig.classes`` and ``TrainConfig.sparse`` for their values.
    fov : array, shape (H, W), optional
        The field of view, if known; else it is detected.
    prediction : array, shape (H, W), optional
        The prediction that the vessels were painted on: 0 or the number of the class. If known, the corrected
        pixels are scored separately.
    ignored : array, shape (H, W), bool, optional
        Pixels that nobody judged: they take no part in loss or score. Where it is not given, the ones that
        ``vessels`` mark, as :func:`napari_saunetv2.imaging.ignored.not_judged` finds them; these become 0.
    source : str
        Key of the data set, for trainings that weigh data sets or tell their observers apart.
    """

    name: str
    image: NDArray[np.generic]
    vessels: NDArray[np.generic]
    fov: NDArray[np.generic] | None = None
    prediction: NDArray[np.generic] | None = None
    ignored: NDArray[np.bool_] | None = None
    source: str = ""

    @classmethod
    def of(cls, sample: Sample) -> "Pair":
        """Read a sample of a data set, with the labels of its reference observer."""
        fov = sample.known_field()
        if sample.has_classes:
            classes = sample.artery_vein()
            labels, ignored = classes.labels, classes.ignored
        else:
            read = sample.read_labels()
            labels, ignored = read.pixels, read.ignored
        return cls(sample.name, sample.image(), labels, fov, ignored=ignored, source=sample.dataset)

    def __post_init__(self) -> None:
        """Check that labels, field of view and image are of one size; raises ImageError."""
        if self.ignored is None:
            vessels, ignored = judged(np.asarray(self.vessels))
            object.__setattr__(self, "vessels", vessels)
            object.__setattr__(self, "ignored", ignored)
        parts = {"labels are": self.vessels, "field of view is": self.fov}
        parts |= {"prediction is": self.prediction, "ignored pixels are": self.ignored}
        for what, part in parts.items():
            if part is not None and part.shape != self.image.shape[:2]:
                raise ImageError(
                    f"'{self.name}' is {self.image.shape[:2]} pixels but its {what} {part.shape}: "
                    "give one of the image's size."
                )

    def inside(self) -> NDArray[np.bool_]:
        """Return the field of view, shape (H, W), bool: the known or the detected one."""
        return field_of_view.detect(to_unit(self.image)) if self.fov is None else self.fov != 0

    def framed(self) -> tuple["Pair", Frame]:
        """Cut it to the part of the photograph that a network is given in use, and say which part that is."""
        image, inside = to_unit(self.image), self.inside()
        seen = frames.of(image, inside)
        prediction, ignored = (
            None if part is None else frames.cut(part, seen) for part in (self.prediction, self.ignored)
        )
        part = replace(
            self,
            image=frames.cut(image, seen),
            vessels=frames.cut(self.vessels, seen),
            fov=frames.cut(inside, seen),
            prediction=prediction,
            ignored=ignored,
        )
        return part, seen

    def remarks(self, *, sparse: bool) -> tuple[str, ...]:
        """Say what is unusual about the labels, of which sparse ones may be few, and about the FOV mask."""
        said: list[str] = []
        if self.fov is not None:
            said += plausibility.of_fov_mask(self.fov, to_unit(self.image))
        judged_inside = self.inside()
        if self.ignored is not None:
            said.append(f"{self.ignored.mean():.1%} of the pixels are not judged, and take no part.")
            judged_inside = judged_inside & ~self.ignored
        if not sparse:
            said += plausibility.of_labels(self.vessels, judged_inside)
        return tuple(said)

    def diameter(self) -> float | None:
        """Diameter in pixels of the field of view."""
        return field_of_view.diameter(self.inside())
