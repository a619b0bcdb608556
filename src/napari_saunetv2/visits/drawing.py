"""The picture of a difference: what both visits show is faint, what changed is bright."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from napari_saunetv2.imaging.overlay import AGREEMENT
from napari_saunetv2.visits.comparison import BOTH, EARLIER, LATER, Comparison
from napari_saunetv2.visits.ranking import ranked
from napari_saunetv2.visits.registration import FIELD
from napari_saunetv2.visits.visit import Visit

Colour = tuple[int, int, int]

DIFFERENCES: dict[int, tuple[str, Colour]] = {
    BOTH: ("at both visits", AGREEMENT[1][1]),
    EARLIER: ("at the earlier only", AGREEMENT[2][1]),
    LATER: ("at the later only", AGREEMENT[3][1]),
}
"""Meaning and colour of the values of a difference."""

OUTLINES: dict[str, Colour] = {
    "wider": (213, 94, 0),
    "narrower": (204, 121, 167),
    "longer": (255, 255, 255),
    "shorter": (255, 255, 255),
}
"""Colour of a segment's outline by the first word of its change: vermillion, reddish purple (Okabe and Ito,
2008), and white where only the length changed."""

FAINT = 0.45
"""Opacity of vessels that both visits show."""

BRIGHTEST = 190
"""Level of the photograph's brightest pixels: colours stand out from it."""

UNSEEN = 0.45
"""Factor of the parts that the later photograph does not show."""


def outline_of(change: str) -> Colour | None:
    """Colour of the outline of a segment whose change is described in these words; None for no outline."""
    return OUTLINES.get(change.split(",")[0])


def difference_picture(found: Comparison, earlier: Visit, later: Visit) -> Image.Image:
    """Draw the difference onto the earlier photograph, in grey, with a legend below.

    Vessels that one visit alone shows are drawn a little thicker than they are, or they would hardly be seen;
    segments of which width or length changed are outlined; what the later photograph does not show is dark.

    Parameters
    ----------
    found : Comparison
    earlier, later : Visit

    Returns
    -------
    PIL.Image.Image
        RGB, as wide as the earlier photograph, which lies in the upper part, unscaled.
    """
    wide = max(1, round(earlier.diameter / FIELD))
    picture = np.repeat(_grey(earlier)[..., None], 3, axis=2)
    seen = found.registration.warp(later.inputs.fov.astype(np.uint8), order=0) != 0
    picture[~seen] *= UNSEEN
    _tint(picture, found.difference == BOTH, DIFFERENCES[BOTH][1], FAINT)
    table = ranked(found.segments)
    for label, change in zip(table["label"], table["change"], strict=True):
        colour = outline_of(change)
        if colour is not None:
            inside = ndimage.binary_dilation(found.labels == label, iterations=wide)
            _tint(picture, ndimage.binary_dilation(inside, iterations=wide) & ~inside, colour)
    for code in (EARLIER, LATER):
        area = ndimage.binary_dilation(found.difference == code, iterations=wide)
        _tint(picture, area, DIFFERENCES[code][1])
    return _with_legend(Image.fromarray(np.rint(picture).astype(np.uint8)))


def _grey(visit: Visit) -> NDArray[np.float32]:
    """Give the green channel, which shows vessels best, stretched to most of the range; black without one."""
    if visit.photograph is None:
        return np.zeros(visit.shape, np.float32)
    unit = np.asarray(visit.photograph, np.float32)
    green = unit[..., 1] if unit.ndim == 3 else unit
    low, high = np.percentile(green[visit.inputs.fov], (1, 99))
    stretched = (green - low) / max(float(high - low), 1e-6)
    return np.asarray(np.clip(stretched, 0, 1) * BRIGHTEST * visit.inputs.fov, np.float32)


def _tint(
    picture: NDArray[np.float32], area: NDArray[np.bool_], colour: Colour, opacity: float = 1.0
) -> None:
    picture[area] = (1 - opacity) * picture[area] + opacity * np.asarray(colour, np.float32)


def _with_legend(drawn: Image.Image) -> Image.Image:
    """Add lines of coloured words below a picture."""
    entries = [("vessel", (255, 255, 255)), *DIFFERENCES.values()]
    entries += [("outlined", (255, 255, 255)), ("wider", OUTLINES["wider"])]
    entries += [("narrower", OUTLINES["narrower"]), ("longer or shorter", OUTLINES["longer"])]
    size = max(9, drawn.width // 45)
    font = ImageFont.load_default(size)
    places, across, down = [], size, size // 2
    for words, colour in entries:
        length = round(font.getlength(words))
        if across + length > drawn.width and across > size:
            across, down = size, down + 2 * size
        places.append(((across, down), words, colour))
        across += length + size
    page = Image.new("RGB", (drawn.width, drawn.height + down + 2 * size))
    page.paste(drawn, (0, 0))
    pen = ImageDraw.Draw(page)
    for (x, y), words, colour in places:
        pen.text((x, drawn.height + y), words, colour, font)
    return page
