"""Whether an image looks like a fundus photograph: a hint for the user, never a restriction.

The rule was made for this program. Over all photographs of DRIVE, STARE, CHASE_DB1 and the training images of
HRF the field of view is at least .83 round (STARE, where bright corners spill into it; .98 elsewhere), 1.29
times as red as green and 1.40 times as green as blue. Photographs of other objects fail at least one
criterion.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.imaging.intensity import floats

REDDER = 1.15
"""Least ratio of red to green and, where there is blue, of green to blue, in the mean over the field of view:
haemoglobin and melanin absorb short wavelengths."""

DARKER = 1.08
"""Least depth of dark lines over that of bright ones in the median cell of a field: vessels are dark. It is
1.1 to 1.6 in photographs of DRIVE, STARE, CHASE_DB1 and HRF, below 1 in OCT angiograms, whose vessels are
bright."""

GREY = 0.1
"""Greatest mean difference between the channels of a grey picture, as a share of its mean brightness. It is
above .3 in all photographs of DRIVE, STARE, CHASE_DB1, HRF, ARIA and ORVS."""

_SEARCH_SIDE, _GREY_SIDE = 800, 200


def doubts(image: NDArray[Any], fov: NDArray[np.bool_]) -> tuple[str, ...]:
    """Reasons why an image may not be a fundus photograph; none if it looks like one.

    It must be lit; in a colour image red must exceed green and green blue by the factor ``REDDER``; and the
    lit area must be a disc, possibly cut by the frame, on a dark surround.

    Parameters
    ----------
    image : array, shape (H, W, 3)
        In [0, 1], or as :func:`napari_saunetv2.imaging.intensity.stored` gives it. A grey image has three
        equal channels.
    fov : array, shape (H, W), bool
        Its field of view, as :func:`napari_saunetv2.imaging.field_of_view.detect` finds it.
    """
    step = max(1, round(max(fov.shape) / _SEARCH_SIDE))
    few, inside = floats(image[::step, ::step]), fov[::step, ::step]
    if not inside.any() or few.max() <= 0:
        return ("the image is dark everywhere",)
    # Channel by channel in half the time; in float32 the sum of half a million is off by a thousandth.
    red, green, blue = (few[..., channel][inside].mean(dtype=np.float64) for channel in range(3))
    found = []
    if not is_grey(few) and (red < REDDER * green or green < REDDER * blue):
        found.append("its colours are not those of a retina")
    if field_of_view.diameter(inside) is None:
        found.append("no dark border shows where the field of view ends")
    elif field_of_view.roundness(inside) < field_of_view.ROUND:
        found.append("the lit area is not round")
    return tuple(found)


def is_grey(image: NDArray[Any]) -> bool:
    """Whether an image, as of :func:`doubts`, has no colours, by a sample of its pixels.

    JPEG makes the channels of a grey picture differ a little, and coloured marks may be drawn on it.
    """
    step = max(1, round(max(image.shape) / _GREY_SIDE))
    red, green, blue = np.moveaxis(floats(image[::step, ::step]), -1, 0)
    bright = np.maximum(np.maximum(red, green), blue)
    dark = np.minimum(np.minimum(red, green), blue)
    return bool((bright - dark).mean() <= GREY * bright.mean())
