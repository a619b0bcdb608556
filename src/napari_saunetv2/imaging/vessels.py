"""Post-processing: from vessel probabilities to a vessel mask."""

from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_saunetv2.errors import ImageError, SettingsError

WEAK = 0.5
"""Share of the threshold that a pixel must reach to extend a vessel that reaches the threshold."""

_TOUCHING = np.ones((3, 3), bool)


@dataclass(frozen=True, kw_only=True)
class PostProcessing:
    """How a probability becomes a mask of vessels.

    Attributes
    ----------
    threshold : float, (0, 1)
        Pixels with at least this probability are vessel.
    min_size : int, pixels
        Vessels of fewer pixels (8-connected) are removed.
    connected : bool
        Hysteresis, as in :func:`find`.
    voted : bool
        Of a model of arteries and veins: whether each vessel has one class along its length, or each pixel
        its own.
    fov : str
        Outside the field of view the probability is 0: "none" (no field of view), "auto" (the one that is
        found), or the name of a mask file.

    Raises
    ------
    SettingsError
        When a setting is outside its range.
    """

    threshold: float
    min_size: int = 0
    connected: bool = False
    voted: bool = True
    fov: str = "none"

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not isinstance(self.threshold, Real) or not 0 < self.threshold < 1:
            raise SettingsError(f"threshold is {self.threshold!r}: it must be a number between 0 and 1.")
        if self.min_size < 0:
            raise SettingsError(f"The minimum size is {self.min_size!r}: it must be 0 pixels or more.")

    @property
    def quick(self) -> bool:
        """Whether comparing with the threshold is all the work."""
        return not self.connected and self.min_size <= 1

    def options(self) -> dict[str, Any]:
        """Give threshold, min_size and connected by name."""
        return {name: value for name, value in asdict(self).items() if name not in ("fov", "voted")}


def restrict(probability: NDArray[np.float32], fov: NDArray[np.generic]) -> NDArray[np.float32]:
    """Set a probability to 0 outside the field of view.

    Parameters
    ----------
    probability, fov : array, shape (H, W)
        Inside where ``fov`` is not 0.

    Raises
    ------
    ImageError
        When the shapes differ.
    """
    if probability.shape != fov.shape:
        raise ImageError(
            f"The field of view has shape {fov.shape}, the image {probability.shape}: use that of this image."
        )
    return np.where(fov != 0, probability, np.float32(0))


def find(
    probability: NDArray[np.float32], threshold: float, *, min_size: int = 0, connected: bool = False
) -> NDArray[np.uint8]:
    """Find the vessels in a probability map.

    Parameters
    ----------
    probability : array, shape (..., H, W), range [0, 1]
        Each plane by itself.
    threshold : float, (0, 1)
        Pixels with at least this probability are vessel.
    min_size : int, pixels
        Vessels of fewer pixels (8-connected) are removed.
    connected : bool
        Hysteresis [1]_: pixels from ``WEAK`` times the threshold are vessel too, if they are connected to a
        pixel that reaches the threshold.

    Returns
    -------
    array, shape (..., H, W), uint8, 0 or 1

    Raises
    ------
    SettingsError
        When a setting is outside its range.

    References
    ----------
    .. [1] Canny (1986), IEEE Transactions on Pattern Analysis and Machine Intelligence 8, 679.
    """
    return extract(probability, PostProcessing(threshold=threshold, min_size=min_size, connected=connected))


def extract(probability: NDArray[np.float32], post: PostProcessing) -> NDArray[np.uint8]:
    """Find the vessels in a probability; as :func:`find`. A field of view has to be applied before."""
    if post.quick:
        return (probability >= post.threshold).view(np.uint8)
    planes = probability.reshape(-1, *probability.shape[-2:])
    return np.stack([_extract(plane, post) for plane in planes]).reshape(probability.shape)


def _extract(plane: NDArray[np.float32], post: PostProcessing) -> NDArray[np.uint8]:
    mask = _grown(plane, post.threshold) if post.connected else plane >= post.threshold
    if post.min_size > 1:
        parts, count = ndimage.label(mask, _TOUCHING)
        kept = np.bincount(parts.ravel(), minlength=count + 1) >= post.min_size
        kept[0] = False
        mask = kept[parts]
    return mask.view(np.uint8)


def _grown(plane: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    from skimage.filters import apply_hysteresis_threshold

    # scikit-image uses values above a threshold, this program values that reach it.
    low, high = (np.nextafter(np.float32(t), np.float32(0)) for t in (WEAK * threshold, threshold))
    grown: NDArray[np.bool_] = apply_hysteresis_threshold(plane, low, high)  # type: ignore[no-untyped-call]
    return grown
