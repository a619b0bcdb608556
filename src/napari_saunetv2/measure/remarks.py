"""What a user should know before trusting the numbers of an image."""

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.measure.inputs import Inputs
from napari_saunetv2.measure.units import Scale

MOSTLY = 0.5
"""A mask that covers more than this share of the field is probably none of vessels."""

AGREES = 0.5
"""A probability whose own mask has a smaller F1 with the mask that was given is probably of another image."""

SHARED = 0.5
"""Arteries and veins share their crossings: more than this share of the smaller class is more than those."""

PIXELS = (0.5, 200.0)
"""Micrometres on the retina that a pixel can measure."""

DISC = (0.01, 1.0)
"""Diameter of a disc as a share of the longer side of the frame."""


def remarks_on(given: Inputs, scale: Scale, segments: int) -> list[str]:
    """Say in sentences what is odd about what was measured.

    Parameters
    ----------
    given : Inputs
    scale : Scale
    segments : int
        How many were found.
    """
    vessels = np.count_nonzero(given.vessels)
    share = vessels / np.count_nonzero(given.fov)
    said = []
    if not vessels:
        said.append("The mask is empty: there is nothing to measure.")
    elif share > MOSTLY:
        said.append(
            f"The mask covers {share:.0%} of the field of view: is it inverted, or no mask of vessels?"
        )
    elif not segments:
        said.append("The mask holds dots alone: no vessel is long enough to be measured.")
    return [
        *said,
        *filter(None, (_of_probability(given), _of_classes(given), _of_spacing(scale), _of_disc(given))),
    ]


def _of_probability(given: Inputs) -> str:
    if given.probability is None or not given.vessels.any():
        return ""
    found = (given.probability >= given.threshold) & given.fov
    alike = _f1(found, given.vessels)
    if alike >= AGREES:
        return ""
    return (
        f"At its threshold {given.threshold:.2f} the probability agrees little with the mask "
        f"(F1 {alike:.2f}): is it of another image, or inverted? Widths and ranges depend on both."
    )


def _f1(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    both, each = int(np.count_nonzero(one & other)), int(np.count_nonzero(one) + np.count_nonzero(other))
    return 2 * both / max(1, each)


def _of_classes(given: Inputs) -> str:
    if not given.classes:
        return ""
    arteries, veins = given.classes.values()
    smaller = min(int(np.count_nonzero(arteries)), int(np.count_nonzero(veins)))
    shared = int(np.count_nonzero(arteries & veins)) / max(1, smaller)
    if shared <= SHARED:
        return ""
    return (
        f"Arteries and veins share {shared:.0%} of the smaller of the two, more than crossings can be: a "
        "vessel in both masks is measured twice."
    )


def _of_spacing(scale: Scale) -> str:
    if scale.spacing is None or PIXELS[0] <= scale.spacing <= PIXELS[1]:
        return ""
    return (
        f"A pixel of {scale.spacing:g} µm is unlikely on a retina: is the spacing in micrometres, and of "
        "this image?"
    )


def _of_disc(given: Inputs) -> str:
    disc = given.landmarks.disc
    if disc is None:
        return ""
    height, width = given.vessels.shape
    if not (-0.5 <= disc.x <= width - 0.5 and -0.5 <= disc.y <= height - 0.5):
        return "The middle of the optic disc lies outside the frame: check its place."
    share = 2 * disc.r / max(height, width)
    if DISC[0] <= share <= DISC[1]:
        return ""
    return (
        f"The optic disc is {2 * disc.r:.3g} pixels wide, in a frame of {width} x {height}: check its radius."
    )
