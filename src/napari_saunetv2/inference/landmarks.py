"""Optic disc, fovea, and left or right eye of a photograph."""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import nn

from napari_saunetv2.errors import ImageError
from napari_saunetv2.imaging import field_of_view, fundus
from napari_saunetv2.imaging.intensity import floats, stored
from napari_saunetv2.inference.framing import DARKEST, Framed, closer, framed
from napari_saunetv2.inference.landmark_maps import Answer, look
from napari_saunetv2.measure.regions import Circle, Landmarks, Point
from napari_saunetv2.models import checkpoint

MODEL = "saunetv2-landmarks"

LEAST_DISC = 0.75
"""A disc of less confidence is not reported."""

LEAST_FOVEA = 0.7
"""The same for the fovea."""

LEAST_EYE = 0.8
"""The same for the eye, where disc and fovea do not tell it."""

CLOSER = 4.5
"""Disc radii about a disc that a second look sees, at a finer scale; the mean of both looks counts."""

APART = (3.0, 7.5)
"""Disc radii from disc to fovea; 4 to 6 in most eyes. A pair outside is not a disc and its fovea."""

SIDEWAYS = 0.5
"""Share of that distance that must be across the picture to tell the eye: else the picture is turned."""

_FEW = 8
"""Of so many rows and columns one is looked at first, to see that a picture is not dark."""

NO_DISC = "No optic disc was found: it is not in view or does not show"
NO_FOVEA = "No fovea was found: it is not in view or does not show."
NO_EYE = "Whether it is a left or a right eye could not be told."
GREY = (
    "Disc and fovea are not looked for in a grey picture that may not be a photograph of the fundus ({}): "
    "in infrared light they look different."
)
DARK = "The picture is dark everywhere: neither disc nor fovea can be found."


def find_landmarks(image: ArrayLike, fov: ArrayLike | None = None) -> Landmarks:
    """Find the optic disc and the fovea of a photograph, and whether the eye is a left or a right one.

    A network sees the whole field of view at a low scale, then the surroundings of the disc at a larger one.
    The result is the mean of both passes; each pass is the mean over the picture and its mirror image.

    Parameters
    ----------
    image : array, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        A photograph in visible light, upright and not mirrored; types and ranges as for
        :func:`napari_saunetv2.segment`.
    fov : array, shape (H, W), optional
        In view where not 0; without it, the field of view is detected.

    Returns
    -------
    Landmarks
        In pixels of the image. What is out of view or uncertain is None, and ``note`` says so.

    Raises
    ------
    ImageError
        If the array is not a valid image, or the field of view is empty or has another shape.
    CheckpointError
        If the model's file is missing or damaged.
    """
    pixels = stored(image)
    seen = field_of_view.detect(pixels) if fov is None else _checked(fov, pixels.shape[:2])
    if _is_dark(pixels, seen):
        return Landmarks(note=DARK)
    if fundus.is_grey(pixels) and (doubt := " and ".join(fundus.doubts(pixels, seen))):
        return Landmarks(note=GREY.format(doubt))
    frame = framed(pixels, seen)
    network = checkpoint.load(MODEL, kind="landmarks").network
    answer = look(network, frame.picture, frame.inside)
    disc, disc_sure = _disc(network, frame, answer, pixels, seen)
    fovea = None
    if answer.fovea_confidence >= LEAST_FOVEA:
        fovea = Point(*_native(frame, *answer.fovea))
    doubt = "" if disc else " and ".join(fundus.doubts(pixels, seen))
    notes = {
        f"{NO_DISC}{doubt and f', and this may not be a fundus photograph: {doubt}'}.": disc is None,
        NO_FOVEA: fovea is None,
    }
    if disc and fovea and not APART[0] <= (apart := _apart(disc, fovea)) <= APART[1]:
        if answer.fovea_confidence <= disc_sure:
            less, fovea = "fovea", None
        else:
            less, disc = "disc", None
        notes[
            f"The {less} was left out: disc and fovea were {apart:.1f} disc radii apart, 4 to 6 is usual."
        ] = True
    eye, sure = _eye(disc, fovea, answer.right)
    notes[NO_EYE] = eye is None
    return Landmarks(
        disc,
        fovea,
        eye,
        disc_sure if disc else None,
        answer.fovea_confidence if fovea else None,
        sure,
        " ".join(note for note, holds in notes.items() if holds),
    )


def _is_dark(image: NDArray[Any], seen: NDArray[np.bool_]) -> bool:
    """Whether no pixel in view is brighter than the darkest photograph; most often a few pixels tell."""
    for step in (_FEW, 1):
        values = image[::step, ::step][seen[::step, ::step]]
        if float(floats(values.max(initial=0))) >= DARKEST:
            return False
    return True


def _checked(fov: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    seen = np.asarray(np.asarray(fov) != 0, bool)
    if seen.shape != shape:
        raise ImageError(
            f"The field of view has the shape {seen.shape}, the image {shape}: give arrays of one image."
        )
    if not seen.any():
        raise ImageError("The field of view is empty: give a mask that is not 0 inside it, or none.")
    return seen


def _native(frame: Framed, x: float, y: float) -> tuple[float, float]:
    return float(frame.x + x * frame.scale), float(frame.y + y * frame.scale)


def _disc(
    network: nn.Module, frame: Framed, answer: Answer, pixels: NDArray[Any], seen: NDArray[np.bool_]
) -> tuple[Circle | None, float]:
    """The disc, if a closer look sees it too, and the lower confidence of both looks."""
    sure = answer.disc_confidence
    if answer.disc is None or sure < LEAST_DISC:
        return None, sure
    x, y, r = answer.disc
    first = Circle(*_native(frame, x, y), r * frame.scale)
    near = closer(pixels, seen, first.x, first.y, CLOSER * first.r)
    if near is None:
        return None, 0.0
    second = look(network, near.picture, near.inside)
    sure = min(sure, second.disc_confidence)
    if second.disc is None or sure < LEAST_DISC:
        return None, sure
    x, y, r = second.disc
    circle = Circle(*_native(near, x, y), r * near.scale)
    same = np.hypot(circle.x - first.x, circle.y - first.y) <= first.r and 0.6 < circle.r / first.r < 1.7
    if not same:
        return None, 0.0
    # On training photographs of HRF the second look gives a radius of .88, the first of .99: their mean errs
    # least over all cameras.
    x, y, r = (float(a + b) / 2 for a, b in zip(first, circle, strict=True))
    return Circle(x, y, r), sure


def _apart(disc: Circle, fovea: Point) -> float:
    """Disc radii from disc to fovea."""
    return float(np.hypot(fovea.x - disc.x, fovea.y - disc.y) / disc.r)


def _eye(
    disc: Circle | None, fovea: Point | None, right: float
) -> tuple[Literal["left", "right"] | None, float | None]:
    """Which eye it is, by the side of the fovea where both are known, and what the network gives for it."""
    least, temporal_right = LEAST_EYE, right > 0.5
    if disc is None and fovea is None:
        return None, None
    if disc is not None and fovea is not None:
        across = (fovea.x - disc.x) / disc.r
        if abs(across) < SIDEWAYS * _apart(disc, fovea):
            return None, None
        # The network need not be sure, only not sure of the opposite.
        least, temporal_right = 1 - LEAST_EYE, across > 0
    sure = right if temporal_right else 1 - right
    return (("left" if temporal_right else "right"), sure) if sure >= least else (None, None)
