"""Width of vessels from the photograph itself, whatever style the mask was drawn in."""

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.measure.centreline import Floats, Lines
from napari_saunetv2.measure.sections import sampled

SPAN = 1.5
"""A profile reaches so many widths of the mask to either side."""

INSIDE, OUTSIDE = 0.5, 0.9
"""Widths of the mask: nearer to the centre line is vessel, further than the second background."""

AVERAGED = 1.0
"""Profiles are averaged along the vessel over so many widths to either side: a photograph is noisy."""

SAMPLES = 61


def widths_at_half_height(green: NDArray[np.float32], lines: Lines, left: Floats, right: Floats) -> Floats:
    """Width of the dark profile across a vessel at half of its depth.

    Depth is counted from the background on either side to the darkest point of the vessel, and an edge is
    where the profile, coming from outside, first falls to half of it: the bright reflex along the middle of a
    wide artery is not taken for an edge (Brinchmann-Hansen and Heier, 1986).

    Parameters
    ----------
    green : array, shape (H, W)
        Green channel, or any in which vessels are dark.
    lines : Lines
    left, right : array, shape (n,)
        Edges of the mask, pixels from the centre line; NaN where there is none.

    Returns
    -------
    array, shape (n,)
        Pixels; NaN where the mask has no edges or the photograph shows no dark profile.
    """
    width = left + right
    known = np.isfinite(width)
    scale = np.where(known, width, 1.0)
    share = np.linspace(-SPAN, SPAN, SAMPLES)
    normals = lines.tangents()[:, ::-1] * (-1, 1)
    centre = np.where(known, (right - left) / 2, 0.0)
    offsets = centre[:, None] + scale[:, None] * share
    raw = sampled(green, lines.points[:, None] + offsets[..., None] * normals[:, None], "nearest")
    profiles = _averaged(raw.astype(float), known, scale, lines)
    floor = profiles[:, np.abs(share) <= INSIDE].min(axis=1)
    halves = []
    for side in (-1, 1):
        outward = profiles[:, share * side >= 0]
        distance = np.abs(share[share * side >= 0])
        if side < 0:
            outward, distance = outward[:, ::-1], distance[::-1]
        level = (np.median(outward[:, distance >= OUTSIDE], axis=1) + floor) / 2
        halves.append(_inward(outward, distance, level))
    return np.where(known, (halves[0] + halves[1]) * scale, np.nan)


def _averaged(profiles: Floats, known: NDArray[np.bool_], width: Floats, lines: Lines) -> Floats:
    """Mean of the profiles within a window along each curve, by differences of cumulated sums."""
    n = len(profiles)
    cumulated = np.vstack([np.zeros((1, profiles.shape[1])), np.cumsum(profiles * known[:, None], axis=0)])
    counted = np.concatenate([[0], np.cumsum(known)])
    reach = np.ceil(AVERAGED * width).astype(np.intp)
    low = np.maximum(np.arange(n) - reach, lines.starts[lines.curve])
    high = np.minimum(np.arange(n) + reach + 1, lines.starts[lines.curve + 1])
    number = np.maximum(counted[high] - counted[low], 1)
    return np.asarray((cumulated[high] - cumulated[low]) / number[:, None])


def _inward(profile: Floats, distance: Floats, level: Floats) -> Floats:
    """Distance of the outermost point at which each row, seen from outside, falls to its level."""
    inner = distance < OUTSIDE
    below = (profile < level[:, None]) & inner
    last = profile.shape[1] - 1 - below[:, ::-1].argmax(axis=1)
    rows = np.arange(len(profile))
    following = np.minimum(last + 1, profile.shape[1] - 1)
    low, high = profile[rows, last], profile[rows, following]
    share = (level - low) / np.where(high > low, high - low, 1)
    found = distance[last] + np.clip(share, 0, 1) * (distance[following] - distance[last])
    return np.where(below.any(axis=1), found, np.nan)
