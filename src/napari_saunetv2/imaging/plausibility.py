"""Whether an image, its field of view, its scale and its vessels are plausible.

Every function returns remarks: plain sentences for the user, none if nothing is unusual. They advise and
never forbid. The bounds were chosen for this program; each states its source.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.imaging import field_of_view, modality
from napari_saunetv2.imaging.intensity import floats
from napari_saunetv2.imaging.picture import Picture
from napari_saunetv2.imaging.scale import (
    RESCALE_BEYOND,
    SMALLEST_FACTOR,
    factor_between,
    factor_without_field,
)

Remarks = tuple[str, ...]
Advice = Callable[[str], str]

VESSELS = (0.02, 0.30)
"""Usual share of the field of view that is vessel: observers of DRIVE, STARE, CHASE_DB1, HRF, ARIA and ORVS
marked 4 to 20 % of it."""

DARK = 0.2
"""An image is dark if the brightest hundredth inside its field of view is below this share of the range: the
darkest photograph of ARIA reaches .53."""

SMALL_FIELD = 0.25
"""A field of view narrower than this share of the image's longer side is probably not the eye."""

FAR_SCALE = 4.0
"""Vessels wider by this factor than those in training are poorly segmented."""

SMALL_SCALE = 1 / 3
"""A field of view smaller than a model's by this factor does not show its fine vessels."""

_LOG = logging.getLogger(__name__)


def share(mask: NDArray[np.generic], fov: NDArray[np.generic] | None = None) -> float:
    """Share of the field of view that is vessel, range [0, 1]; of the frame without a field of view.

    Parameters
    ----------
    mask, fov : array, shape (H, W)
        A vessel, and inside, where not 0. An empty field of view gives 0.
    """
    inside = np.ones(mask.shape, bool) if fov is None else fov != 0
    area = np.count_nonzero(inside)
    return np.count_nonzero((mask != 0) & inside) / area if area else 0.0


def of_vessels(part: float, *, of: str = "field of view", drawn: bool = False) -> Remarks:
    """Remarks on the share of vessels, range [0, 1]; ``drawn`` for an observer's mask."""
    low, high = VESSELS
    if low <= part <= high:
        return ()
    usual = f"{100 * low:.0f} to {100 * high:.0f} % is usual"
    if part == 0:
        return (f"Nothing in the {of} is vessel: {usual}.",)
    why = "check the threshold and the image's scale"
    if drawn and part > 0.5:
        why = "the mask may be inverted: vessel pixels must be the brighter ones, not 0"
    elif drawn:
        why = "check that this is a mask of all vessels"
    return (f"{_percent(part)} of the {of} is vessel, {usual}: {why}.",)


def share_in_words(part: float) -> str:
    """Say the share of vessels in the field of view, range [0, 1], with a remark where it is unusual."""
    return next(iter(of_vessels(part)), f"{_percent(part)} of the field of view is vessel.")


def of_labels(labels: NDArray[np.generic], fov: NDArray[np.generic] | None = None) -> Remarks:
    """Remarks on an observer's mask, shape (H, W), a vessel where not 0; without ``fov`` over the frame."""
    return of_vessels(share(labels, fov), of="frame" if fov is None else "field of view", drawn=True)


def of_fov_mask(fov: NDArray[np.generic], image: NDArray[Any] | None = None) -> Remarks:
    """Remarks on a mask of the field of view given by the user.

    Parameters
    ----------
    fov : array, shape (H, W)
        Inside where not 0.
    image : array, shape (H, W, 3), optional
        The photograph, in [0, 1], or as :func:`napari_saunetv2.imaging.intensity.stored` gives it.
    """
    inside = fov != 0
    part = float(inside.mean())
    if part == 0:
        return ("The FOV mask is empty: no pixel is inside.",)
    if _inverted(inside, image):
        return ("The FOV mask may be inverted: the eye is where the mask is 0.",)
    if (found := field_of_view.diameter(inside)) is not None and found < SMALL_FIELD * max(fov.shape):
        return (f"The FOV mask covers only {_percent(part)} of the image.",)
    return ()


def of_picture(picture: Picture, wanted: str = "fundus", advice: Advice = modality.no_other_model) -> Remarks:
    """Remarks on the content of a photograph and the range it uses.

    Parameters
    ----------
    picture : Picture
    wanted : str
        What the model is for, a key of :data:`napari_saunetv2.imaging.modality.MODALITIES`.
    advice : callable
        As in :func:`napari_saunetv2.imaging.modality.misfit`.
    """
    remarks = []
    if (top := _brightest(picture.pixels, picture.fov)) < DARK:
        remarks.append(
            f"The image is nearly black: it uses {_percent(top)} of the range of its type; rescale it, or "
            "save it with its real bit depth."
        )
    if misfit := modality.misfit(wanted, picture.pixels, picture.fov, advice):
        remarks.append(misfit)
    elif wanted == "fundus" and picture.doubts:
        remarks.append(f"This may not be a fundus photograph: {picture.doubts[0]}.")
    return tuple(remarks)


def of_scale(fov: NDArray[np.bool_], trained: float | None, factor: float, *, given: bool = False) -> Remarks:
    """Remarks on the scale at which an image is segmented.

    Parameters
    ----------
    fov : array, shape (H, W), bool
        Its field of view.
    trained : float or None, pixels
        Diameter of the field of view in the model's training images.
    factor : float
        Scale of the segmentation: 1 is the image's own scale.
    given : bool
        Whether the field of view was given by the user, not detected.
    """
    found, longest = field_of_view.diameter(fov), max(fov.shape)
    if trained is None:
        return ()
    at = "at the image's own scale" if factor == 1 else f"at {factor:.2g} times the image's scale"
    if found is None:
        guessed = factor != 1 and factor == factor_without_field(longest, trained)
        why = ", as if its longer side were one" if guessed else ""
        return (
            f"No field of view was detected: segmented {at}{why}; if that is wrong, give an FOV mask or a "
            "factor.",
        )
    remarks = []
    if found < SMALL_FIELD * longest and not given:
        remarks.append(
            f"The detected field of view is only {found:.0f} pixels wide: segmented {at}; give an FOV mask "
            "or a factor."
        )
    elif field_of_view.roundness(fov) < field_of_view.ROUND and not given:
        remarks.append(
            f"The detected field of view is not round and therefore uncertain: assumed {found:.0f} pixels "
            f"wide, segmented {at}."
        )
    ratio, auto = found / trained, factor_between(found, trained)
    if max(factor / auto, auto / factor) > RESCALE_BEYOND:
        remarks.append(
            f"Its field of view is {found:.0f} pixels wide, the model's {trained:.0f}: set rescale to auto, "
            f"which is {auto:.2g} here."
        )
    elif ratio < SMALL_SCALE:
        remarks.append(
            f"Its field of view is {found:.0f} pixels wide, the model's {trained:.0f}: fine vessels that "
            "the model was trained on do not show."
        )
    elif ratio * factor > FAR_SCALE:
        remarks.append(
            f"Its field of view is {found:.0f} pixels wide, the model's {trained:.0f}: even at "
            f"{SMALLEST_FACTOR:.2g} times its scale, wide vessels may be missed; try a smaller factor."
        )
    return tuple(remarks)


def of_segmentation(
    picture: Picture,
    trained: float | None,
    factor: float,
    *,
    share: float | None = None,
    wanted: str = "fundus",
    advice: Advice = modality.no_other_model,
) -> Remarks:
    """Return all remarks on a photograph, its field of view, its scale and its share of vessels, if known.

    Parameters are those of :func:`of_picture`, :func:`of_scale` and :func:`of_vessels`.
    """
    wrong = of_fov_mask(picture.fov, picture.pixels) if picture.given else ()
    # With a wrong mask nothing else can be checked.
    content = () if wrong else of_picture(picture, wanted, advice)
    known = None if wanted == "octa" else trained  # the scale of an angiogram does not depend on a field
    rest = () if wrong else (*content, *of_scale(picture.fov, known, factor, given=picture.given))
    return (*wrong, *rest, *(() if share is None else of_vessels(share)))


def log(name: str, remarks: Iterable[str]) -> None:
    """Log remarks on a file or array as warnings."""
    for remark in remarks:
        _LOG.warning("%s: %s", name, remark)


def _percent(part: float) -> str:
    return f"{100 * part:.0f} %" if part >= 0.1 else f"{100 * part:.2g} %"


def _brightest(image: NDArray[Any], fov: NDArray[np.bool_]) -> float:
    step = max(1, max(fov.shape) // 400)
    few, inside = _of_channels(image[::step, ::step]), fov[::step, ::step]
    return float(np.quantile(floats(few[inside]), 0.99)) if inside.any() else 0.0


def _of_channels(image: NDArray[Any]) -> NDArray[Any]:
    """Brightest of the three channels, in a third of the time that .max(axis=2) takes."""
    red, green, blue = np.moveaxis(image, 2, 0)
    brightest: NDArray[Any] = np.maximum(np.maximum(red, green), blue)
    return brightest


def _inverted(inside: NDArray[np.bool_], image: NDArray[Any] | None) -> bool:
    """Whether a mask excludes the middle but not the edge, or the lit but not the dark part."""
    height, width = inside.shape
    middle = inside[height // 4 : height - height // 4, width // 4 : width - width // 4].mean()
    edge = np.concatenate([inside[0], inside[-1], inside[:, 0], inside[:, -1]]).mean()
    if middle < 0.5 < edge:
        return True
    if image is None or inside.all():
        return False
    bright = floats(_of_channels(image))
    return bool(bright[inside].mean() < bright[~inside].mean() / 2 and middle < 0.5)
