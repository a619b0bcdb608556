"""The masks of a photograph: what the program found, or what a user made of it."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.batch.images import Found
from napari_saunetv2.errors import ImageError
from napari_saunetv2.files import load_artery_vein, load_labels
from napari_saunetv2.imaging.classes import BOTH
from napari_saunetv2.measure.classes import vote
from napari_saunetv2.study.layout import Layout


class Masks(NamedTuple):
    """Masks that are measured.

    Attributes
    ----------
    vessels : array, shape (H, W), bool
    classes : array, shape (H, W), uint8, or None
        1 artery, 2 vein, 3 both, 0 background or unknown; None if nothing tells them apart.
    fov : array, shape (H, W), bool
        Field of view, without pixels that the masks mark as not judged.
    remarks : tuple of str
    """

    vessels: NDArray[np.bool_]
    classes: NDArray[np.uint8] | None
    fov: NDArray[np.bool_]
    remarks: tuple[str, ...] = ()


def of_program(found: Found, threshold: float, *, artery_vein: bool) -> Masks:
    """Masks as the program finds them."""
    mask = found.mask != 0
    classes = vote(found.prediction.classes, mask, threshold=threshold) if artery_vein else None
    return Masks(mask, classes, found.fov)


def edited(
    own: Masks, found: Found, threshold: float, layout: Layout, name: str, edits: dict[str, str]
) -> Masks:
    """Masks with what was edited by hand.

    An edited mask of vessels counts for all vessels, and the program gives those their classes anew, unless
    the mask of arteries and veins was edited too. Where only the latter was edited, its vessels count.

    Raises
    ------
    SaunetError
        If an edited mask cannot be read or has another size than the photograph.
    """
    vessels, classes, fov, remarks = own
    if "vessels" in edits:
        labels = load_labels(layout.mask(name, "vessels"))
        vessels = _same(labels.pixels, vessels, "vessels") != 0
        fov = fov if labels.ignored is None else fov & ~labels.ignored
        if classes is not None and "av" not in edits:
            classes = vote(found.prediction.classes, vessels, threshold=threshold)
    if "av" in edits:
        av = load_artery_vein(layout.mask(name, "av"))
        drawn = _same(av.labels, vessels, "arteries and veins")
        fov = fov if av.ignored is None else fov & ~av.ignored
        vessels = vessels if "vessels" in edits else drawn != 0
        classes = np.where(vessels & (drawn <= BOTH), drawn, 0).astype(np.uint8)
        unknown = int((vessels & (classes == 0)).sum())
        if unknown:
            remarks += (
                f"{unknown / max(1, int(vessels.sum())):.1%} of the edited vessel pixels are neither artery "
                "nor vein: their segments are not measured.",
            )
    outside = int((vessels & ~fov).sum())
    if outside:
        remarks += (f"{outside} edited vessel pixels lie outside the field of view and do not count.",)
    return Masks(vessels, classes, fov, remarks)


def _same(mask: NDArray[Any], vessels: NDArray[np.bool_], what: str) -> NDArray[Any]:
    if mask.shape != vessels.shape:
        (height, width), (tall, wide) = mask.shape, vessels.shape
        raise ImageError(
            f"The edited mask of {what} has {width} x {height} pixels, the photograph {wide} x {tall}: give "
            "a mask of the photograph's size, or remove it, and it is made again."
        )
    return mask
