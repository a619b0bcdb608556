"""Photographs and labels prepared for training."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_saunetv2.errors import SettingsError
from napari_saunetv2.imaging import canvas
from napari_saunetv2.imaging.frame import Frame
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.scale import factor_between, resize, scaled_shape
from napari_saunetv2.training import corrections
from napari_saunetv2.training.appearance import recolour
from napari_saunetv2.training.augmentation import Level, random_view, view_settings
from napari_saunetv2.training.config import TrainConfig
from napari_saunetv2.training.corrections import Corrections
from napari_saunetv2.training.meaning import balance_of, meaning
from napari_saunetv2.training.pair import Pair
from napari_saunetv2.training.published import published_view


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
    smaller, larger : tuple of Level
        The same at other scales, from which views of other magnifications are taken.
    observer : int
        Number of the output map that learns from its labels.
    chance : float
        Relative frequency of its views.
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
    smaller: tuple[Level, ...] = ()
    larger: tuple[Level, ...] = ()
    observer: int = 0
    chance: float = 1.0

    @property
    def levels(self) -> tuple[Level, ...]:
        """At all scales, the smallest first."""
        return (*self.smaller, Level(1.0, self.canvas, self.window), *self.larger)

    def to(self, device: torch.device) -> "Prepared":
        """Move the image and its labels to a device."""
        smaller, larger = (
            tuple(level._replace(canvas=level.canvas.to(device)) for level in levels)
            for levels in (self.smaller, self.larger)
        )
        return replace(self, canvas=self.canvas.to(device), smaller=smaller, larger=larger)

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
    layers = np.concatenate([to_unit(pair.image), vessels, *([] if weight is None else [weight])], axis=2)
    found = pair.diameter() if config.fov_diameter else None
    factor = factor_between(found, config.fov_diameter) if config.fov_diameter and found else 1.0
    level, frame = _level(layers, 1.0, factor, config)
    # A photograph is not enlarged beyond its own pixels: a view that needs more is resampled from them.
    others = [
        _level(layers, scale, factor, config)[0]
        for scale in sorted({min(scale, max(1.0, 1 / factor)) for scale in config.scales} - {1.0})
    ]
    shape = int(pair.vessels.shape[0]), int(pair.vessels.shape[1])
    return Prepared(
        pair.name,
        level.canvas,
        level.window,
        len(config.classes),
        config.overlaps,
        frame,
        shape,
        seen,
        (int(whole[0]), int(whole[1])),
        balance_of(vessels, weight) if config.sparse and weight is not None else 1.0,
        None
        if pair.prediction is None
        else corrections.between(
            pair.vessels, pair.prediction, config.highest, by_value=config.by_value, weight=weight
        ),
        tuple(other for other in others if other.factor < 1),
        tuple(other for other in others if other.factor > 1),
        _observer(pair, config),
    )


def _observer(pair: Pair, config: TrainConfig) -> int:
    """Number of the map of those who drew a pair's labels."""
    if not config.observers:
        return 0
    if pair.source not in config.observers:
        raise SettingsError(
            f"'{pair.name}' is of the data set {pair.source!r}: observers must name it, beside "
            f"{', '.join(config.observers)}; or leave them all out."
        )
    return config.observers.index(pair.source)


def _level(
    layers: NDArray[np.float32], scale: float, factor: float, config: TrainConfig
) -> tuple[Level, tuple[slice, slice]]:
    """Image and labels at ``scale`` times the scale in use, padded to a canvas; and the image's frame."""
    factor *= scale
    if factor != 1:
        # The labels become shares of a pixel, as appropriate at a smaller scale.
        size = scaled_shape(layers.shape[0], layers.shape[1], factor)
        parts = [resize(layers[..., :3], *size), resize(layers[..., 3:], *size, shares=True)]
        layers = np.concatenate(parts, axis=2)
    padded = canvas.pad(layers, config.padding).transpose(2, 0, 1)
    frame = canvas.window(layers.shape[0], layers.shape[1], config.padding)
    window = _annotated(padded[-1]) if config.sparse else frame
    return Level(scale, torch.from_numpy(np.ascontiguousarray(padded)), window), frame


def balanced(weight: Tensor, vessels: Tensor, balance: float) -> Tensor:
    """Weights (1, H, W) that balance the vessels (K, H, W) among the annotated pixels."""
    return weight * (1 + (balance - 1) * vessels.amax(0, keepdim=True))


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


class Batch(NamedTuple):
    """The views of a step.

    Attributes
    ----------
    views : tensor, shape (N, 3, crop, crop), range [0, 1]
    vessels : tensor, shape (N, K, crop, crop), range [0, 1]
    weight : tensor, shape (N, 1, crop, crop), or None
    observers : tensor, shape (N,), int64
        Number of the output map that learns from each view.
    """

    views: Tensor
    vessels: Tensor
    weight: Tensor | None
    observers: Tensor


def batch(images: Sequence[Prepared], config: TrainConfig, step: int, share: slice = slice(None)) -> Batch:
    """Sample the views of a step.

    They depend only on seed and step, so a resumed training samples the same views. Those outside ``share``
    are sampled too, as a single pixel, to keep the random numbers the same, but not returned.
    """
    if config.views == "published":
        return _whole_canvases(images, config, step, share)
    draw = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
    chosen = _chosen(images, config, draw)
    own = range(config.batch)[share]
    settings = [view_settings(config.augmentation, draw) for _ in chosen]
    views = [
        random_view(images[n].levels, config.crop if k in own else 1, settings[k], draw)
        for k, n in enumerate(chosen)
    ]
    coloured = [
        recolour(view[:3], setting, draw, config.crop) for view, setting in zip(views, settings, strict=True)
    ]
    balances = [images[n].balance for n in chosen[share]]
    labels = _labels(views[share], balances, config, _weighted(images))
    observers = _observers(images, chosen, config, draw)
    return Batch(torch.stack(coloured[share]), *labels, observers[share])


def _chosen(images: Sequence[Prepared], config: TrainConfig, draw: torch.Generator) -> list[int]:
    """Draw the image of each view."""
    if not config.shares:
        return [int(n) for n in torch.randint(len(images), (config.batch,), generator=draw)]
    chances = torch.tensor([image.chance for image in images])
    return [int(n) for n in torch.multinomial(chances, config.batch, replacement=True, generator=draw)]


def _observers(
    images: Sequence[Prepared], chosen: Sequence[int], config: TrainConfig, draw: torch.Generator
) -> Tensor:
    """Output map that learns from each view: its observer's, or, for some, the common one after these."""
    own = torch.tensor([images[n].observer for n in chosen])
    if not config.common:
        return own
    common = torch.rand(len(chosen), generator=draw) < config.common
    return torch.where(common, len(config.observers), own)


def _whole_canvases(images: Sequence[Prepared], config: TrainConfig, step: int, share: slice) -> Batch:
    views, balances, chosen = [], [], []
    for number in range(config.batch)[share]:
        # Each view has its own generator, so a process can sample its share independently.
        mixed = (config.seed * 1_000_003 + step) * config.batch + number
        draw = torch.Generator().manual_seed(mixed)
        chosen.append(int(torch.randint(len(images), (), generator=draw)))
        image = images[chosen[-1]]
        views.append(published_view(image.canvas, image.frame, draw))
        balances.append(image.balance)
    labels = _labels(views, balances, config, _weighted(images))
    observers = torch.tensor([images[n].observer for n in chosen])
    return Batch(torch.stack([view[:3] for view in views]), *labels, observers)


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
