"""Ways to separate the lit disc of a fundus photograph from its surround.

Each takes an image, shape (H, W, 3), range [0, 1], and returns masks, shape (H, W), bool, without judging
them.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_saunetv2.imaging.intensity import floats

THRESHOLD = 0.1
"""Share of its maximum above which the red channel counts as lit. (Otsu's threshold loses up to a quarter
of the vessel pixels of a STARE image.)"""

LABEL_SHARE = 0.1
"""Maximum share of the frame covered by burnt-in text: the eye's brightest value is searched below it."""

_EDGE_SHARE = 0.05
"""A colour that covers this share of the frame's edge may be the surround."""

_LIKE = (3 / 255, 14 / 255)
"""Two colours are equal if no channel differs by more, for small or large noise at the edge."""

_REDDER = 8 / 255
"""Minimum excess of red over blue in a retina compared with a grey surround, after smoothing."""

_DEVIATIONS = 5
"""Noise of one colour in median absolute deviations: 3.4 standard deviations."""


def above_threshold(red: NDArray[np.float32], top: float) -> NDArray[np.bool_] | None:
    """Largest area above ``THRESHOLD`` times ``top``, closed, with filled holes; None if nothing is lit."""
    return whole(red > THRESHOLD * top)


def other_ways(picture: NDArray[np.float32], red: NDArray[np.float32]) -> Iterator[NDArray[np.bool_]]:
    """Yield other candidates for when the first rule finds no disc.

    Parameters
    ----------
    picture : array, shape (H, W, 3), range [0, 1]
    red : array, shape (H, W), range [0, 1]
        Its red channel without isolated bright pixels.
    """
    # A label in a dark image determines the maximum, but not a quantile.
    top = float(np.quantile(red, 1 - LABEL_SHARE))
    found = [above_threshold(red, top)] if top > 0 else []
    found += [_redder_than_the_edge(picture), _unlike_the_edge(picture)]
    yield from (field for field in found if field is not None)


def edge_is_lit(picture: NDArray[Any]) -> bool:
    """Whether a bright, uniform colour covers part of the frame's edge: paper or a banner, not retina."""
    colours = _edge_colours(picture)
    return any(colour.max() > THRESHOLD and np.ptp(colour) < _LIKE[1] for colour, _ in colours)


def whole(lit: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """Largest area of a mask, closed, with filled holes; None if nothing is set."""
    if not lit.any():
        return None
    reach = max(1, min(lit.shape) // 100)
    # Closing at a border erodes areas that touch it, so the frame gets a margin.
    closed = ndimage.binary_closing(np.pad(lit, reach), iterations=reach)[reach:-reach, reach:-reach]
    return _largest(closed)


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    outside, _ = ndimage.label(~np.pad(mask, 1))  # holes are dark areas that do not reach the frame
    areas, count = ndimage.label((outside != outside[0, 0])[1:-1, 1:-1])
    if count <= 1:
        return np.asarray(areas == 1)
    sizes = np.bincount(areas.ravel())
    sizes[0] = 0
    return np.asarray(areas == sizes.argmax())


def _unlike_the_edge(picture: NDArray[np.float32]) -> NDArray[np.bool_] | None:
    """Largest area with none of the colours of the frame's edge; None if there are many."""
    surround = np.zeros(picture.shape[:2], bool)
    smooth = ndimage.uniform_filter(picture, (3, 3, 0))
    for colour, noise in _edge_colours(smooth):
        surround |= np.abs(smooth - colour).max(axis=2) <= noise
    # A colour of the surround may occur in the disc too: only areas connected to the edge are outside.
    areas, _ = ndimage.label(np.pad(surround, 1, constant_values=True))
    outside = (areas == areas[0, 0])[1:-1, 1:-1]
    if not outside.any() or outside.all():
        return None
    # Letters and the thin rim of a cut-out disc are not a field of view.
    reach = max(1, min(outside.shape) // 60)
    kept = ndimage.binary_opening(np.pad(~outside, reach), iterations=reach)[reach:-reach, reach:-reach]
    return _largest(kept) if kept.any() else None


def _redder_than_the_edge(picture: NDArray[np.float32]) -> NDArray[np.bool_] | None:
    """Largest area with more excess of red over blue than the frame's edge; None in a grey image.

    Paper, banners and text are white, black or grey; the edge of a retina may be as dark as they are.
    """
    redness = ndimage.uniform_filter(picture[..., 0] - picture[..., 2], 5)
    level = [
        float(colour[0] - colour[2]) for colour, _ in _edge_colours(picture) if np.ptp(colour) < _LIKE[1]
    ]
    return whole(redness > max(level) + _REDDER) if level and redness.any() else None


def _edge_colours(picture: NDArray[Any]) -> list[tuple[NDArray[np.float32], float]]:
    """Up to four colours, shape (3,), that cover much of the frame's edge, each with its noise."""
    bands = picture[:2], picture[-2:], picture[:, :2], picture[:, -2:]
    left = floats(np.concatenate([band.reshape(-1, 3) for band in bands]))
    enough = _EDGE_SHARE * len(left)
    colours: list[tuple[NDArray[np.float32], float]] = []
    while len(left) >= enough and len(colours) < 4:
        bins = (left * 15).round().astype(np.int64) @ (1, 16, 256)
        colour = np.median(left[bins == np.bincount(bins).argmax()], axis=0)
        apart = np.abs(left - colour).max(axis=1)
        if np.count_nonzero(apart <= _LIKE[1]) < enough:
            break
        noise = _DEVIATIONS * float(np.median(apart[apart <= _LIKE[1]]))
        colours.append((colour, float(np.clip(noise, *_LIKE))))
        left = left[apart > _LIKE[1]]
    return colours
