"""Find the vessel pixels in a label file, by colour, as a person would.

Label files come in many forms: 0 and 255, 0 and 1, grey with soft edges, palettes in any order, one colour
for arteries and one for veins, numbers for classes or for single vessels, 255 for unannotated pixels, the
mask in the alpha channel. One rule reads them all:

1. Values that mark unannotated pixels are left out.
2. If only the alpha channel separates the vessels from the rest, it is the mask.
3. In a grey image the darkest value is the background. In a coloured one it is the black, white or grey that
covers the border of the image, else the colour that covers most of it. 4. A value that stands for a class
covers areas, so that its pixels have neighbours of the same value. The
   values of a soft edge do not. For classes, everything but the background is vessel; an image with soft
   edges is cut halfway from the background to the colour farthest from it.
"""

import colorsys
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.files._decoded import Decoded, Pixels
from napari_saunetv2.imaging.ignored import not_judged, remark

GREY_TOLERANCE = 16
"""Of 255: the palettes of real label files are grey to within 2, what JPEG makes of grey to within 10."""

SMALL = 31
"""Values up to this one are class numbers, not shades: no program writes so dark a mask."""

SAME_NEIGHBOURS = 0.65
"""Share of neighbours with one value above which the values between are classes. Soft edges of a mask give
below .5, of three shades at most .5; classes of areas two pixels wide .75, of wider ones more."""

FEW_COLOURS = 16
"""An image with no more colours is a mask."""

IN_TWO = 0.75
"""Minimum share of a mask's pixels in its two most frequent colours."""

_SAMPLED_SIDE = 500  # pixels
_NOISE = 0.1  # of the largest distance from the background: JPEG noise of the background
_CORE = 0.9  # of the largest distance from the background: the inside of a vessel, not its edge
_BORDER_SHARE = 0.02
_BACKGROUND_SHARE = 0.2


class Found(NamedTuple):
    """What a label file holds.

    Attributes
    ----------
    mask : array, shape (H, W), bool
        Which pixels are vessel.
    ignored : array, shape (H, W), bool, or None
        Which pixels nobody judged; None where all were.
    remarks : tuple of str
    classes : array, shape (H, W), int64, or None
        Number of the class of each vessel pixel, else 0; None where the file tells no classes apart.
    """

    mask: NDArray[np.bool_]
    ignored: NDArray[np.bool_] | None
    remarks: tuple[str, ...]
    classes: NDArray[np.int64] | None = None


class Parted(NamedTuple):
    """Vessel and background of the judged pixels; fields as of :class:`Found`."""

    mask: NDArray[np.bool_]
    remarks: tuple[str, ...] = ()
    classes: NDArray[np.int64] | None = None


def find(picture: Decoded) -> Found:
    """Separate vessels from background in a label file."""
    values = picture.pixels if picture.pixels.ndim == 2 else picture.pixels[..., :3]
    grey = as_grey(values)
    ignored, remarks = _ignored(picture.index, grey)
    mask, clear = None, transparent(picture)
    if clear is not None:
        mask = _alpha_alone(values, clear)
    if mask is not None:
        return Found(mask, None, ("The mask is in the alpha channel.",))
    annotated = np.ones(values.shape[:2], bool)
    for left_out in (ignored, clear):
        if left_out is not None:
            annotated &= ~left_out
    parted = _by_colour(values, annotated) if grey is None else _by_value(grey, annotated)
    classes = None if parted.classes is None else np.where(annotated, parted.classes, 0)
    return Found(parted.mask & annotated, ignored, remarks + parted.remarks, classes)


def is_soft(picture: Decoded) -> bool:
    """Whether a grey image holds shades: values between its darkest and brightest that are not classes."""
    values = picture.pixels if picture.pixels.ndim == 2 else picture.pixels[..., :3]
    grey = as_grey(values)
    if grey is None or (grey.dtype.kind in "iu" and int(grey.max()) <= SMALL):
        return False
    low, high = grey.min(), grey.max()
    ignored, _ = _ignored(picture.index, grey)
    if ignored is not None or not ((grey > low) & (grey < high)).any():
        return False
    return not _classes(grey, grey - low)


def is_photograph(picture: Decoded) -> bool:
    """Whether an image is a photograph or a probability map rather than a mask.

    Nearly all of a mask has two colours, background and vessel, even with soft edges or many classes. A
    photograph has more, even with a black surround.
    """
    values = picture.pixels if picture.pixels.ndim == 2 else picture.pixels[..., :3]
    clear = transparent(picture)
    if clear is not None and _alpha_alone(values, clear) is not None:
        return False
    flat = _sample(values)
    _, counts = np.unique(flat, axis=0, return_counts=True)
    return len(counts) > FEW_COLOURS and int(np.sort(counts)[-2:].sum()) < IN_TWO * len(flat)


def as_grey(values: Pixels) -> Pixels | None:
    """Return an image without colours as one channel; None for a coloured one."""
    if values.ndim == 2:
        return values
    red, green, blue = (values[..., n] for n in range(3))
    if np.array_equal(red, green) and np.array_equal(red, blue):
        return red
    high, low = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    top = 255.0 if values.dtype == np.uint8 else max(float(high.max()), 1e-9)
    return high if float((high - low).max()) <= GREY_TOLERANCE / 255 * top else None


def _ignored(index: Pixels | None, grey: Pixels | None) -> tuple[NDArray[np.bool_] | None, tuple[str, ...]]:
    """Find the unannotated pixels, by their shades or by their places in the palette."""
    for values in (grey, index):
        found, what = (None, "") if values is None else not_judged(values)
        if found is not None:
            return found, (remark(int(np.count_nonzero(found)), what),)
    return None, ()


def transparent(picture: Decoded) -> NDArray[np.bool_] | None:
    """Transparent pixels; None if all or none are."""
    alpha = picture.alpha
    if alpha is None and picture.pixels.ndim == 3 and picture.pixels.shape[2] == 4:
        alpha = picture.pixels[..., 3]
    if alpha is None or alpha.min() == alpha.max():
        return None
    clear: NDArray[np.bool_] = alpha <= alpha.max() / 2
    return clear if clear.any() else None


def _alpha_alone(values: Pixels, clear: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """Return the opaque pixels if they are all vessel; None if they include a background.

    They do if at least half of them are black or white, and some are not.
    """
    opaque = values[~clear].reshape(np.count_nonzero(~clear), -1)
    top = 255.0 if values.dtype == np.uint8 else max(float(values.max()), 1e-9)
    span = np.ptp(opaque, axis=0).max() / top
    if span > GREY_TOLERANCE / 255:
        low, high = opaque.min(axis=1) / top, opaque.max(axis=1) / top
        if max(float((high < 0.2).mean()), float((low > 0.8).mean())) >= 0.5:
            return None
    return ~clear


def _by_value(grey: Pixels, annotated: NDArray[np.bool_]) -> Parted:
    """Separate vessels from background in a grey image."""
    if not annotated.any():
        return Parted(annotated)
    inside = grey if annotated.all() else grey[annotated]
    low, high = inside.min(), inside.max()
    if low == high:
        return Parted(grey > 0)
    above = annotated & (grey > low)
    between = above & (grey < high)
    if not between.any():
        words = f"Of the values {low:g} and {high:g} the higher is treated as vessel."
        return Parted(above, (words,) if low > 0 and high <= SMALL else ())
    kind = grey.dtype.kind
    distance = np.where(annotated, grey, low).astype(np.float64 if kind == "f" else np.int64) - low
    if (kind in "iu" and high <= SMALL) or _classes(grey, distance):
        words = f"The file holds {_said(grey, above)}: all are treated as vessel."
        return Parted(above, (words,), _numbered(grey, above))
    return Parted(distance > (float(high) - float(low)) / 2, _SOFT)


def _numbered(grey: Pixels, above: NDArray[np.bool_]) -> NDArray[np.int64] | None:
    """Numbers of classes: the values of the file, or where these are shades of grey 1, 2, ...; else None."""
    values = np.unique(grey[above])
    if not np.array_equal(values, np.round(values)):
        return None
    if len(values) <= FEW_COLOURS and values[-1] > SMALL:
        return np.where(above, np.searchsorted(values, grey) + 1, 0)
    return np.where(above, grey, 0).astype(np.int64)


_SOFT = ("The mask has soft edges: it is thresholded at half of its range.",)


def _by_colour(colours: Pixels, annotated: NDArray[np.bool_]) -> Parted:
    """Separate vessels from background in a coloured image."""
    if colours.dtype != np.uint8:
        colours = np.round(colours / max(float(colours.max()), 1e-9) * 255).astype(np.uint8)
    back = _background(colours, annotated)
    distance = np.abs(colours.astype(np.int16) - back).max(axis=2)
    distance[~annotated] = 0
    code = colours.astype(np.int32) @ np.array([65536, 256, 1], np.int32)
    top = int(distance.max())
    dark = int(back.max()) <= GREY_TOLERANCE
    shown = () if dark else (f"The background is assumed to be RGB {tuple(map(int, back))}.",)
    if not ((distance > 0) & (distance < _CORE * top)).any() or _classes(code, distance):
        mask = distance > min(GREY_TOLERANCE, top / 4)
        found = sorted(np.unique(code[mask]).tolist(), key=_hue)
        if len(found) < 2:
            return Parted(mask, shown)
        many = f"The file holds {len(found)} colours beside its background: all are taken as vessel."
        classes = np.zeros(code.shape, np.int64)
        for number, one in enumerate(found if len(found) <= FEW_COLOURS else (), start=1):
            classes[mask & (code == one)] = number
        return Parted(mask, (*shown, many), classes if classes.any() else None)
    return Parted(distance > top / 2, shown + _SOFT)


def _hue(code: int) -> tuple[bool, float, int]:
    """Order of colours as classes: red, which stands for arteries, before green and blue; greys last."""
    hue, saturation, _ = colorsys.rgb_to_hsv((code >> 16) / 255, (code >> 8 & 255) / 255, (code & 255) / 255)
    return saturation < 0.1, hue if hue < 0.95 else 0.0, code


def _background(colours: Pixels, annotated: NDArray[np.bool_]) -> NDArray[np.int16]:
    """Colour of the background."""
    frame = np.ones(annotated.shape, bool)
    frame[1:-1, 1:-1] = False
    border = colours[frame & annotated]
    if not len(border):
        border = colours[annotated] if annotated.any() else colours.reshape(-1, 3)
    least, sample = max(1, _BORDER_SHARE * len(border)), _sample(colours)
    shown = [
        group for group, at_border in enumerate(_neutrals(border)) if np.count_nonzero(at_border) >= least
    ]
    groups = _neutrals(sample)
    # A frame drawn around the picture is of the border alone: the background covers much of the rest too.
    largest = max((groups[group] for group in shown), key=np.count_nonzero, default=groups[0] & False)
    if np.count_nonzero(largest) >= _BACKGROUND_SHARE * len(sample):
        return np.asarray(np.median(sample[largest], axis=0), np.int16)
    found, counts = np.unique(sample, axis=0, return_counts=True)
    return np.asarray(found[counts.argmax()], np.int16)


def _neutrals(colours: Pixels) -> list[NDArray[np.bool_]]:
    """Which of some colours, shape (N, 3), are black, white, and grey."""
    high, low = colours.max(axis=1), colours.min(axis=1)
    neutral = high.astype(int) - low <= GREY_TOLERANCE
    return [neutral & (high <= 55), neutral & (low >= 200), neutral & (high > 55) & (low < 200)]


def _sample(values: Pixels) -> Pixels:
    """Pixels as rows, shape (N, C): all of a small image, some of a large one."""
    step = max(1, *(n // _SAMPLED_SIDE for n in values.shape[:2]))
    part = values[::step, ::step]
    return part.reshape(part.shape[0] * part.shape[1], -1)


def _classes(code: Pixels, distance: NDArray[Any]) -> bool:
    """Whether an image has classes rather than soft edges: intermediate pixels have equal neighbours."""
    top = distance.max()
    noise, edge = _NOISE * top, _CORE * top
    alike = pairs = 0
    for axis in (0, 1):
        first, second = (
            tuple(slice(n, None if n else -1) if a == axis else slice(None) for a in (0, 1)) for n in (0, 1)
        )
        both = (distance[first] > noise) & (distance[second] > noise)
        both &= (distance[first] < edge) | (distance[second] < edge)
        pairs += int(np.count_nonzero(both))
        alike += int(np.count_nonzero(both & (code[first] == code[second])))
    return alike >= SAME_NEIGHBOURS * pairs if pairs else False


def _said(grey: Pixels, above: NDArray[np.bool_]) -> str:
    values = np.unique(grey[above])
    if len(values) <= 3:
        return f"the labels {', '.join(f'{one:g}' for one in values[:-1])} and {values[-1]:g}"
    return f"{len(values)} labels from {values[0]:g} to {values[-1]:g}"
