"""What kind of picture a model is for, and whether a picture looks like one."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_saunetv2.imaging import field_of_view, fundus
from napari_saunetv2.imaging.intensity import stored
from napari_saunetv2.imaging.picture import Picture
from napari_saunetv2.imaging.quality import dark_over_bright

MODALITIES = {
    "fundus": "fundus photographs",
    "octa": "OCT angiograms",
    "infrared": "infrared images",
}
"""What a model may be for: by its name in the header, in words."""

_LOOKS = {
    "fundus": "a fundus photograph",
    "octa": "an OCT angiogram (grey, with bright vessels)",
    "infrared": "an infrared image (grey, with dark vessels and no dark border)",
}


def seen(image: NDArray[Any], fov: NDArray[np.bool_]) -> str:
    """Guess what kind of picture this is: a key of ``MODALITIES``, or "" where no vessels show.

    Colour means a fundus photograph. Of grey pictures those with bright vessels are taken for OCT angiograms;
    a grey fundus photograph shows a round field of view, an infrared image fills the frame.

    Parameters
    ----------
    image : array, shape (H, W, 3)
        In [0, 1], or as :func:`napari_saunetv2.imaging.intensity.stored` gives it. A grey picture has three
        equal channels.
    fov : array, shape (H, W), bool
        Its field of view, as :func:`napari_saunetv2.imaging.field_of_view.detect` finds it.
    """
    if not fundus.is_grey(image):
        return "fundus"
    ratio = dark_over_bright(image, fov)
    if ratio is None:
        return ""
    if ratio < 1:
        return "octa"
    return "infrared" if field_of_view.diameter(fov) is None else "fundus"


def field(image: NDArray[Any], wanted: str = "fundus") -> NDArray[np.bool_]:
    """Field of view of a picture for a model: an OCT angiogram fills its frame, in others it is searched.

    Parameters
    ----------
    image : array, shape (H, W, 3)
        As in :func:`seen`.
    wanted : str
        The model's modality, a key of ``MODALITIES``.

    Returns
    -------
    array, shape (H, W), bool
        As of :func:`napari_saunetv2.imaging.field_of_view.detect`.
    """
    return np.ones(image.shape[:2], bool) if wanted == "octa" else field_of_view.detect(image)


def pictured(image: ArrayLike | Picture, wanted: str = "fundus", fov: ArrayLike | None = None) -> Picture:
    """Take a photograph as a model for one modality sees it, with its field of view.

    Parameters
    ----------
    image : array, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        As for :func:`napari_saunetv2.imaging.intensity.to_unit`. What is a Picture already stays as it is.
    wanted : str
        The model's modality, a key of ``MODALITIES``.
    fov : array, shape (H, W), optional
        Inside of the field of view where not 0; without it, as :func:`field` finds it.

    Raises
    ------
    ImageError
        As :func:`napari_saunetv2.imaging.intensity.to_unit`.
    """
    if isinstance(image, Picture):
        return image
    pixels = stored(image)
    inside = field(pixels, wanted) if fov is None else np.asarray(fov) != 0
    return Picture(pixels, inside, given=fov is not None)


def no_other_model(_found: str) -> str:
    """Say what to do with a picture of another modality if nothing is known of other models."""
    return "choose a model for such pictures if there is one, and check the result"


def misfit(
    wanted: str,
    image: NDArray[Any],
    fov: NDArray[np.bool_],
    advice: Callable[[str], str] = no_other_model,
) -> str:
    """Say that a picture does not look like what a model is for; "" if it does.

    Parameters
    ----------
    wanted : str
        The model's modality, a key of ``MODALITIES``.
    image, fov
        As in :func:`seen`.
    advice : callable
        Takes what the picture seems to be, a key of ``MODALITIES``, and says what to do.
    """
    # What a model takes for the whole frame may still be a photograph of a round field.
    found = seen(image, field_of_view.detect(image) if wanted == "octa" else fov)
    if found in ("", wanted):
        return ""
    return f"This looks like {_LOOKS[found]}, but the model is for {MODALITIES[wanted]}: {advice(found)}."
