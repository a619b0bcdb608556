"""Image files in, result files out."""

import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.errors import OverwriteError, SettingsError
from napari_saunetv2.files import (
    Reading,
    load_image,
    load_mask,
    make_folder,
    write_artery_vein,
    write_image,
    write_mask,
    write_probability,
)
from napari_saunetv2.imaging import field_of_view, modality, plausibility, quality, vessels
from napari_saunetv2.imaging.classes import is_artery_vein
from napari_saunetv2.imaging.overlay import drawn
from napari_saunetv2.imaging.picture import Picture
from napari_saunetv2.imaging.quality import Quality
from napari_saunetv2.imaging.vessels import PostProcessing
from napari_saunetv2.inference import fallback, planning, suited
from napari_saunetv2.models.checkpoint import Checkpoint


@dataclass(frozen=True)
class OutputOptions:
    """Which results are written for an image, and where.

    Attributes
    ----------
    folder : Path
    suffix : "png", "tif" or "gif"
        Format of the vessel mask.
    maximum : int, 1..255
        Value of vessel pixels in it.
    probability, overlay : bool
        Whether to write the probability map and the vessels drawn on the image too, arteries in red and veins
        in blue where ``artery_vein`` is True.
    overwrite : bool
        Whether existing files may be replaced.
    artery_vein : bool
        Whether to write arteries and veins in RITE's colours too; needs a model of these classes.
    """

    folder: Path
    suffix: str = "png"
    maximum: int = 255
    probability: bool = False
    overlay: bool = False
    overwrite: bool = False
    artery_vein: bool = False

    def __post_init__(self) -> None:
        """Check the suffix; raises SettingsError."""
        if self.suffix not in ("png", "tif", "gif"):
            raise SettingsError(f"The mask format is '{self.suffix}': it must be png, tif or gif.")

    def paths(self, name: str) -> dict[str, Path]:
        """Files written for an image of that name, by their contents."""
        parts = {"vessels": self.suffix}
        parts |= {"av": self.suffix} if self.artery_vein else {}
        parts |= {"probability": "tif"} if self.probability else {}
        parts |= {"overlay": "png"} if self.overlay else {}
        return {what: self.folder / f"{name}_{what}.{suffix}" for what, suffix in parts.items()}


class Summary(NamedTuple):
    """Result for an image.

    Attributes
    ----------
    height, width : int, pixels
    share : float, range [0, 1]
        Of the field of view that is vessel.
    seconds : float
    path : Path
        The mask.
    fov : str
        The field of view used: "found, 538 px", "not found", or the mask's file.
    remarks : tuple of str
        Remarks on anything unusual about the file, the image, its field of view, its scale or its vessels.
    quality : Quality or None
        How well the vessels can be seen; None where the model is not for fundus photographs.
    """

    height: int
    width: int
    share: float
    seconds: float
    path: Path
    fov: str = ""
    remarks: tuple[str, ...] = ()
    quality: Quality | None = None


class Found(NamedTuple):
    """What is found in a photograph.

    Attributes
    ----------
    picture : Picture
        The photograph and its field of view.
    prediction : Prediction
    probability : array, shape (H, W), float32, range [0, 1]
        Of a vessel, within the field of view if that is set.
    mask : array, shape (H, W), uint8, 0 or 1
        The vessels.
    share : float, range [0, 1]
        Of the field of view that is vessel.
    remarks : tuple of str
    quality : Quality or None
        None where the model is not for fundus photographs.
    """

    picture: Picture
    prediction: fallback.Prediction
    probability: NDArray[np.float32]
    mask: NDArray[np.uint8]
    share: float
    remarks: tuple[str, ...]
    quality: Quality | None

    @property
    def unit(self) -> NDArray[np.float32]:
        """The photograph in numbers, shape (H, W, 3), range [0, 1]."""
        return self.picture.unit

    @property
    def fov(self) -> NDArray[np.bool_]:
        """Its field of view, shape (H, W)."""
        return self.picture.fov


def find_steps(
    image: Reading, model: Checkpoint, config: InferenceConfig, post: PostProcessing
) -> Generator[fallback.State, None, Found]:
    """Find the vessels of a photograph, one pass of the network at a time; writes nothing.

    Parameters, yields and errors are those of :func:`segment_steps`.
    """
    given = _given_field(post)
    wanted = model.header.modality
    picture = modality.pictured(image.pixels, wanted, None if given is None else given.pixels)
    fov = picture.fov
    prediction = yield from fallback.steps(picture.pixels, model, config, fov)
    probability = prediction.probability
    if post.fov != "none":
        probability = vessels.restrict(probability, fov)
    mask = vessels.extract(probability, post)
    share = plausibility.share(mask, fov)
    factor = planning.factor_for(picture.pixels, model.header.scaled_to, config.rescale, fov)
    remarks = (
        *image.remarks,
        *(() if given is None else given.remarks),
        *plausibility.of_segmentation(
            picture,
            model.header.scaled_to,
            factor,
            share=share,
            wanted=wanted,
            advice=suited.advice(model.header),
        ),
    )
    judged = quality.of_picture(picture) if wanted == "fundus" else None
    return Found(picture, prediction, probability, mask, share, remarks, judged)


def segment_steps(
    file: Path,
    name: str,
    model: Checkpoint,
    config: InferenceConfig,
    post: PostProcessing,
    options: OutputOptions,
) -> Generator[fallback.State, None, Summary]:
    """Segment one file and write the requested results, one pass of the network at a time.

    Parameters
    ----------
    file : Path
    name : str
        Prefix of the results' names.
    model : Checkpoint
    config : InferenceConfig
    post : PostProcessing
        A mask file of the field of view is also what the scale and the share of vessels are measured by.
    options : OutputOptions

    Yields
    ------
    State
        Closing the generator stops the work.

    Returns
    -------
    Summary

    Raises
    ------
    SaunetError
        When the file cannot be read or segmented, or a result exists; nothing is written then.
    """
    if options.artery_vein:
        check_artery_vein(model)
    paths = options.paths(name)
    for path in paths.values():  # before the work, not after it
        if path.exists() and not options.overwrite:
            raise OverwriteError(f"'{path}' already exists: choose another folder, or pass --overwrite.")
    begun = time.perf_counter()
    found = yield from find_steps(load_image(file), model, config, post)
    for path in paths.values():
        make_folder(path.parent)
    write_mask(paths["vessels"], found.mask, maximum=options.maximum, overwrite=options.overwrite)
    classes = None
    if options.artery_vein:
        from napari_saunetv2.measure.classes import find_classes  # it brings all of the measuring

        classes = find_classes(found.prediction.classes, found.mask, post)
        write_artery_vein(paths["av"], classes, overwrite=options.overwrite)
    if options.probability:
        write_probability(paths["probability"], found.probability, overwrite=options.overwrite)
    if options.overlay:
        picture = drawn(found.unit, found.mask, classes)
        write_image(paths["overlay"], picture, overwrite=options.overwrite)
    height, width = found.mask.shape
    seconds = time.perf_counter() - begun
    fov = _named(post, found.fov, model.header.modality)
    return Summary(height, width, found.share, seconds, paths["vessels"], fov, found.remarks, found.quality)


def check_artery_vein(model: Checkpoint) -> None:
    """Raise SettingsError for a model that does not tell arteries from veins."""
    classes = model.header.classes
    if not is_artery_vein(classes):
        raise SettingsError(
            f"The model '{model.name}' knows {' and '.join(classes)}, not artery and vein: use a model of "
            "arteries and veins."
        )


def _given_field(post: PostProcessing) -> Reading | None:
    """Read the mask file of the field of view, where there is one."""
    return None if post.fov in ("none", "auto") else load_mask(post.fov)


def _named(post: PostProcessing, fov: NDArray[np.bool_], wanted: str) -> str:
    """Name the field of view that was used."""
    if post.fov not in ("none", "auto"):
        return post.fov
    if wanted == "octa":
        return "whole frame"
    found = field_of_view.diameter(fov)
    return "not found" if found is None else f"found, {found:.0f} px"
