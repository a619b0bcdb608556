"""Photographs and labels prepared for training."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_saunetv2.errors import ImageError, SettingsError
from napari_saunetv2.imaging import canvas
from napari_saunetv2.imaging.classes import split as by_class
from napari_saunetv2.imaging.frame import Frame
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.scale import factor_between, resize, scaled_shape
from napari_saunetv2.training import corrections
from napari_saunetv2.training.augmentation import random_view, recolour, view_settings
from napari_saunetv2.training.config import TrainConfig
from napari_saunetv2.training.corrections import Corrections
from napari_saunetv2.training.pair import Pair
from napari_saunetv2.training.published import published_view

VESSEL_SHARE = 0.12
"""Approximate share of vessels in the field of view in DRIVE, STARE, CHASE_DB1 and HRF: sparse labels are
weighted to match it. Users paint as many vessel strokes as background strokes; trained on that, a network
would predict vessels everywhere."""


@dataclass(frozen=True)
class Prepared:
    """A pair on its canvas.

    Attributes
    ----------
    name : str
    canvas : tensor, shape (3 + K, H, W) or (3 + K + 1, H, W), float32, range [0, 1]
        Three colours, then the vessels of each of K classes: 0 to 1, fractional where the image was
        resampled. If some pixels are ignored, the last channel is the weight; the vessels are 0 where it is
        0.
    window : (slice, slice)
        Rows and columns of the image, or of the annotated part if few pixels are annotated.
    classes : int
        K.
    overlapping : bool
        Whether label values are sums of classes.
    frame : (slice, slice)
        Rows and columns of the image.
    shape : (int, int)
        Shape of the image before it was scaled.
    seen : Frame or None
        The part of the original photograph that the image is; None for all of it.
    whole : (int, int)
        Shape of the original photograph.
    balance : float
        Weight of a vessel pixel relative to a background pixel.
    corrections : Corrections or None
        The corrected pixels; None if the original prediction is not known.
    """

    name: str
    canvas: Tensor
    window: tuple[slice, slice]
    classes: int = 1
    overlapping: bool = False
    frame: tuple[slice, slice] = (slice(None), slice(None))
    shape: tuple[int, int] = (0, 0)
    seen: Frame | None = None
    whole: tuple[int, int] = (0, 0)
    balance: float = 1.0
    corrections: Corrections | None = None

    @property
    def vessels(self) -> Tensor:
        """Shape (K, H, W), range [0, 1]."""
        return true_share(self.canvas[3 : 3 + self.classes], self.weight)

    @property
    def weight(self) -> Tensor | None:
        """Shape (1, H, W), range [0, 1]; None if every pixel has full weight."""
        return self.canvas[3 + self.classes :] if len(self.canvas) > 3 + self.classes else None


def true_share(vessels: Tensor, weight: Tensor | None) -> Tensor:
    """Vessel share of the annotated part of a pixel: resampling mixes in unannotated parts."""
    return vessels if weight is None else (vessels / weight.clamp(min=1e-6)).clamp(0, 1)


def prepare(pair: Pair, config: TrainConfig) -> Prepared:
    """Pad a pair to the same canvas as in inference, at the scale in the settings.

    Raises
    ------
    ImageError
        For invalid label values.
    """
    whole, seen = pair.vessels.shape, None
    if config.views != "published":  # there the frames are the data set's own, as in the publications
        pair, seen = pair.framed()
    vessels, weight = meaning(pair, config)
    image, labels = to_unit(pair.image), [vessels] if weight is None else [vessels, weight]
    found = pair.diameter() if config.fov_diameter else None
    factor = factor_between(found, config.fov_diameter) if config.fov_diameter and found else 1.0
    if factor != 1:
        # The labels become shares of a pixel, as appropriate at a smaller scale.
        height, width = pair.vessels.shape
        size = scaled_shape(height, width, factor)
        image, labels = resize(image, *size), [resize(part, *size, shares=True) for part in labels]
    layers = np.concatenate([image, *labels], axis=2)
    padded = canvas.pad(layers, config.padding).transpose(2, 0, 1)
    frame = canvas.window(layers.shape[0], layers.shape[1], config.padding)
    shape = int(pair.vessels.shape[0]), int(pair.vessels.shape[1])
    return Prepared(
        pair.name,
        torch.from_numpy(np.ascontiguousarray(padded)),
        _annotated(padded[-1]) if config.sparse else frame,
        len(config.classes),
        config.overlaps,
        frame,
        shape,
        seen,
        (int(whole[0]), int(whole[1])),
        _balance(vessels, weight) if config.sparse and weight is not None else 1.0,
        None
        if pair.prediction is None
        else corrections.between(
            pair.vessels, pair.prediction, config.highest, by_value=config.by_value, weight=weight
        ),
    )


def meaning(pair: Pair, config: TrainConfig) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Convert labels to the vessels of each class (H, W, K) and pixel weights (H, W, 1) or None.

    Raises
    ------
    ImageError
        For invalid label values, and if nothing is annotated.
    """
    labels, n_classes = pair.vessels, len(config.classes)
    _check_values(pair, config)
    if n_classes == 1 and not config.sparse:
        vessels = (labels != 0)[..., None].astype(np.float32)
    else:
        of_class = np.where(np.isin(labels, np.arange(1, config.highest + 1)), labels, 0)
        vessels = by_class(of_class, n_classes, overlapping=config.overlaps).astype(np.float32)
    unknown = None if config.unknown is None else labels == config.unknown
    has_unknown = unknown is not None and bool(unknown.any())
    if not config.weighted and pair.ignored is None and not has_unknown:
        return vessels, None
    weight = np.ones((*labels.shape, 1), np.float32)
    if config.sparse:
        weight *= (labels != 0)[..., None]
    if config.among_vessels:
        weight *= vessels.any(axis=2, keepdims=True)
    if config.inside_field:
        weight *= pair.inside()[..., None]
    if pair.ignored is not None:
        weight *= ~pair.ignored[..., None]
    if unknown is not None:
        weight *= ~unknown[..., None]
    if not weight.any():
        raise ImageError(
            f"Nothing is annotated on '{pair.name}': paint vessels and background, or leave the image out."
        )
    return vessels * weight, weight


def _check_values(pair: Pair, config: TrainConfig) -> None:
    n_classes = len(config.classes)
    if n_classes == 1 and not config.sparse:
        return  # anything but 0 is a vessel
    highest = config.highest + config.sparse if config.unknown is None else config.unknown
    low, high = int(pair.vessels.min(initial=0)), int(pair.vessels.max(initial=0))
    if low < 0 or high > highest:
        names = ["0 not annotated" if config.sparse else "0 background"]
        names += [f"{value} {_called(value, config)}" for value in range(1, config.highest + 1)]
        names += [f"{highest} background"] if config.sparse else []
        names += [] if config.unknown is None else [f"{highest} a vessel of unknown class"]
        raise ImageError(
            f"The labels of '{pair.name}' hold the value {low if low < 0 else high}: "
            f"allowed are {', '.join(names)}."
        )


def _called(value: int, config: TrainConfig) -> str:
    """Name of a label value: of its class, or of its overlapping classes."""
    of_value = by_class(value, len(config.classes), overlapping=config.overlaps)
    return " and ".join(name for name, one in zip(config.classes, of_value, strict=True) if one)


def balanced(weight: Tensor, vessels: Tensor, balance: float) -> Tensor:
    """Weights (1, H, W) that balance the vessels (K, H, W) among the annotated pixels."""
    return weight * (1 + (balance - 1) * vessels.amax(0, keepdim=True))


def _balance(vessels: NDArray[np.float32], weight: NDArray[np.float32]) -> float:
    vessel, all_ = float(vessels.sum()), float(weight.sum())
    if not 0 < vessel < all_:
        return 1.0  # only one type of strokes: nothing to balance
    return VESSEL_SHARE / (1 - VESSEL_SHARE) * (all_ - vessel) / vessel


def _annotated(weight: NDArray[np.float32]) -> tuple[slice, slice]:
    """Bounding rows and columns of all pixels with weight, from which views are sampled."""
    rows, columns = (np.flatnonzero(weight.any(axis=axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def split(names: Sequence[str], share: float) -> tuple[list[int], list[int]]:
    """Indices of the images to train on and to validate on; the latter at least one where share > 0."""
    held = 0 if share == 0 or len(names) < 2 else max(1, round(share * len(names)))
    order = np.random.default_rng(0).permutation(len(names))
    if held >= len(names):
        raise SettingsError(
            f"validation is {share:g}: of {len(names)} images that leaves none to train on; use a smaller "
            "share."
        )
    return sorted(map(int, order[held:])), sorted(map(int, order[:held]))


def batch(
    images: Sequence[Prepared], config: TrainConfig, step: int, share: slice = slice(None)
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Sample the views of a step: (N, 3, crop, crop), vessels (N, K, crop, crop), weight (N, 1, crop, crop).

    They depend only on seed and step, so a resumed training samples the same views. Those outside ``share``
    are sampled too, as a single pixel, to keep the random numbers the same, but not returned.
    """
    if config.views == "published":
        return _whole_canvases(images, config, step, share)
    draw = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
    chosen = torch.randint(len(images), (config.batch,), generator=draw).tolist()
    own = range(config.batch)[share]
    settings = [view_settings(config.augmentation, draw) for _ in chosen]
    views = [
        random_view(images[n].canvas, images[n].window, config.crop if k in own else 1, settings[k], draw)
        for k, n in enumerate(chosen)
    ]
    coloured = [
        recolour(view[:3], setting, draw, config.crop) for view, setting in zip(views, settings, strict=True)
    ]
    balances = [images[n].balance for n in chosen[share]]
    return torch.stack(coloured[share]), *_labels(views[share], balances, config, _weighted(images))


def _whole_canvases(
    images: Sequence[Prepared], config: TrainConfig, step: int, share: slice
) -> tuple[Tensor, Tensor, Tensor | None]:
    views, balances = [], []
    for number in range(config.batch)[share]:
        # Each view has its own generator, so a process can sample its share independently.
        mixed = (config.seed * 1_000_003 + step) * config.batch + number
        draw = torch.Generator().manual_seed(mixed)
        image = images[int(torch.randint(len(images), (), generator=draw))]
        views.append(published_view(image.canvas, image.frame, draw))
        balances.append(image.balance)
    return torch.stack([view[:3] for view in views]), *_labels(views, balances, config, _weighted(images))


def _weighted(images: Sequence[Prepared]) -> bool:
    """Whether some pixels take no part; of all images, so that every process of a training says the same."""
    return any(image.weight is not None for image in images)


def _labels(
    views: Sequence[Tensor], balances: Sequence[float], config: TrainConfig, weighted: bool
) -> tuple[Tensor, Tensor | None]:
    """Vessels and weights of views with channels for image, vessels and optionally weight."""
    n_classes = len(config.classes)
    vessels = torch.stack([view[3 : 3 + n_classes] for view in views])
    if not weighted:
        return vessels, None
    weights = [view[3 + n_classes :] for view in views]
    weight = torch.stack(
        [part if len(part) else torch.ones_like(view[:1]) for part, view in zip(weights, views, strict=True)]
    )
    vessels = true_share(vessels, weight)
    counted = [balanced(w, v, b) for w, v, b in zip(weight, vessels, balances, strict=True)]
    return vessels, torch.stack(counted)
