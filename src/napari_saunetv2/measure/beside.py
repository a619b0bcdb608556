"""Files that belong to a mask: what else is known of its pixels."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.errors import ImageError, SettingsError
from napari_saunetv2.files import read_image, read_mask, read_probability
from napari_saunetv2.imaging.intensity import to_unit


@dataclass(frozen=True)
class Beside:
    """Files that belong to one mask.

    Attributes
    ----------
    arteries, veins : Path, optional
        Masks of either kind, both or neither.
    fov : Path, optional
        Mask of the field of view.
    photograph, probability : Path, optional
    threshold : float, optional
        At which the probability gave the mask.
    """

    arteries: Path | None = None
    veins: Path | None = None
    fov: Path | None = None
    photograph: Path | None = None
    probability: Path | None = None
    threshold: float | None = None

    def __post_init__(self) -> None:
        """Raise SettingsError for one kind of vessels without the other."""
        if (self.arteries is None) != (self.veins is None):
            raise SettingsError("Only one of --arteries and --veins is given: give both, or neither.")

    @property
    def any(self) -> bool:
        """Whether there is any such file."""
        return self != Beside()

    def read(self, shape: tuple[int, ...]) -> dict[str, Any]:
        """Read the files, as arguments of :func:`napari_saunetv2.measure.measure`.

        Parameters
        ----------
        shape : tuple of int
            Of the mask.

        Raises
        ------
        SaunetError
            When a file cannot be read, or has another size than the mask.
        """
        found: dict[str, Any] = {"threshold": self.threshold}
        for name in ("arteries", "veins", "fov"):
            found[name] = self._same(name, read_mask, shape)
        found["probability"] = self._same("probability", read_probability, shape)
        found["photograph"] = self._same("photograph", lambda path: to_unit(read_image(path)), shape)
        return found

    def _same(self, name: str, read: Any, shape: tuple[int, ...]) -> NDArray[Any] | None:
        path = getattr(self, name)
        if path is None:
            return None
        pixels = np.asarray(read(path))
        if pixels.shape[:2] != shape:
            raise ImageError(
                f"'{path.name}' has {pixels.shape[1]} x {pixels.shape[0]} pixels, the mask {shape[1]} x "
                f"{shape[0]}: give files of one image."
            )
        return pixels
