"""The part of a photograph that a network is given: its field of view, in the same margin for all.

GroupNorm averages over the whole canvas. Black beside the field of view is part of that average, and how much
of it a camera or a viewer leaves must not change the vessels: 80 pixels on every side of a photograph of
DRIVE changed 5 to 7 % of the vessel pixels.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.scale import resize

MARGIN = 0.03
"""Black on every side of a field of view, as a share of its diameter."""


class Frame(NamedTuple):
    """A rectangle of a photograph, and the black around it.

    Attributes
    ----------
    rows, columns : slice
        Of the photograph, pixels.
    margin : int, pixels
        Black on every side.
    """

    rows: slice
    columns: slice
    margin: int

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels, with the black."""
        height, width = self.rows.stop - self.rows.start, self.columns.stop - self.columns.start
        return height + 2 * self.margin, width + 2 * self.margin


def whole(height: int, width: int) -> Frame:
    """Return the frame of all of a photograph, as it is."""
    return Frame(slice(0, height), slice(0, width), 0)


def of(image: NDArray[Any], fov: NDArray[np.bool_]) -> Frame:
    """Find the part of a photograph that a network is given.

    Parameters
    ----------
    image : array, shape (H, W, 3)
        In [0, 1], or as :func:`napari_saunetv2.imaging.intensity.stored` gives it.
    fov : array, shape (H, W), bool
        Its field of view, detected or given.

    Returns
    -------
    Frame
        A round field of view and its margin. Everything that is not black where the field of view is not
        round: it may miss part of the eye. All of the photograph for a field of view that covers it.
    """
    if fov.all():
        return whole(*fov.shape)
    if field_of_view.roundness(fov) >= field_of_view.ROUND:
        found, margin = fov, round(MARGIN * (field_of_view.diameter(fov) or 0))
    else:
        found, margin = fov | field_of_view.shown(image), 0
    box = field_of_view.extent(found)
    return whole(*fov.shape) if box is None else Frame(*box, margin)


def cut(image: NDArray[Any], frame: Frame) -> NDArray[Any]:
    """Cut a frame from an image, shape (H, W, ...), with zeros in its margin."""
    part = image[frame.rows, frame.columns]
    if not frame.margin:
        return part
    black = np.zeros((*frame.shape, *image.shape[2:]), image.dtype)
    black[_inner(frame)] = part
    return black


def resized(image: NDArray[Any], frame: Frame, height: int, width: int) -> NDArray[np.float32]:
    """Cut a frame from an image, as of :func:`of`, and resample it to a size; range [0, 1]."""
    if (height, width) == frame.shape:
        return to_unit(cut(image, frame))
    return resize(image[frame.rows, frame.columns], height, width, margin=frame.margin)


def paste(maps: NDArray[Any], frame: Frame, shape: tuple[int, int]) -> NDArray[Any]:
    """Put maps of a frame, shape (N, h, w), back where they belong, shape (N, H, W); 0 elsewhere."""
    if frame == whole(*shape):
        return maps
    everywhere = np.zeros((len(maps), *shape), maps.dtype)
    everywhere[:, frame.rows, frame.columns] = maps[:, *_inner(frame)]
    return everywhere


def _inner(frame: Frame) -> tuple[slice, slice]:
    height, width = frame.shape
    return slice(frame.margin, height - frame.margin), slice(frame.margin, width - frame.margin)
