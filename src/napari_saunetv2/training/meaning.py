"""What the values of labels mean: the vessels of each class, and the pixels that count."""

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.errors import ImageError
from napari_saunetv2.imaging.classes import split as by_class
from napari_saunetv2.training.config import TrainConfig
from napari_saunetv2.training.pair import Pair

VESSEL_SHARE = 0.12
"""Approximate share of vessels in the field of view in DRIVE, STARE, CHASE_DB1 and HRF: sparse labels are
weighted to match it. Users paint as many vessel strokes as background strokes; trained on that, a network
would predict vessels everywhere."""


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


def balance_of(vessels: NDArray[np.float32], weight: NDArray[np.float32]) -> float:
    """Weight of a vessel pixel relative to a background pixel, so that both count as in whole photographs."""
    vessel, all_ = float(vessels.sum()), float(weight.sum())
    if not 0 < vessel < all_:
        return 1.0  # only one type of strokes: nothing to balance
    return VESSEL_SHARE / (1 - VESSEL_SHARE) * (all_ - vessel) / vessel
