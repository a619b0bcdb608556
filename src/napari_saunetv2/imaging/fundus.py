"""Whether a picture looks like a fundus photograph: a hint for its user, never a gate.

The rule is of this program. Over all photographs of DRIVE, STARE, CHASE_DB1 and the training images of HRF
the field of view is at least .83 round (STARE, where bright corners spill into it; .98 elsewhere), 1.29 times
as red as green and 1.40 times as green as blue. Photographs of other things fail at least one part of it.
"""

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.imaging import fov

REDDER = 1.15
"""Least ratio of red to green and, where there is blue, of green to blue, in the mean over the field of view:
haemoglobin and melanin swallow short waves."""

_SEARCH_SIDE = 800


def doubt(unit: NDArray[np.float32], field: NDArray[np.bool_]) -> str:
    """Say why a picture may be no fundus photograph; "" where nothing speaks against it.

    It must be lit; where it has colours, red must lead green and green blue by ``REDDER``; and the lit area
    must be a disc, perhaps cut by the frame, with darkness about it.

    Parameters
    ----------
    unit : array, shape (H, W, 3), range [0, 1]
        A grey picture has three equal channels.
    field : array, shape (H, W), bool
        Its field of view, as :func:`napari_saunetv2.imaging.fov.detect` finds it.
    """
    step = max(1, round(max(field.shape) / _SEARCH_SIDE))
    few, inside = unit[::step, ::step], field[::step, ::step]
    if not inside.any() or few.max() <= 0:
        return "the picture is dark everywhere"
    red, green, blue = few[inside].mean(axis=0)
    coloured = not (np.array_equal(few[..., 0], few[..., 1]) and np.array_equal(few[..., 1], few[..., 2]))
    if coloured and (red < REDDER * green or green < REDDER * blue):
        return "its colours are not those of a retina"
    if fov.diameter(inside) is None:
        return "no dark border shows where the field of view ends"
    if fov.roundness(inside) < fov.ROUND:
        return "the lit area is not round"
    return ""
