"""Validation within one image: blocks whose labels are never used in training."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from napari_saunetv2.errors import ImageError
from napari_saunetv2.training.views import Prepared

GRID = 6
"""Maximum number of blocks along each side of the annotated area."""

SMALLEST = 40
"""Minimum side of a block in pixels."""

GAP = 8
"""Margin in pixels around a held-out block that belongs to neither part."""


def in_blocks(image: Prepared, share: float) -> tuple[Prepared, Prepared]:
    """Split an image: one part for training, with weight 0 in some blocks, and one with only these blocks.

    Parameters
    ----------
    image : Prepared
    share : float, (0, 1)
        Minimum share of the vessels to hold out.

    Raises
    ------
    ImageError
        If too little is annotated to hold out a block.
    """
    whole = torch.ones_like(image.canvas[:1]) if image.weight is None else image.weight
    if image.weight is None:  # the padding around the image is not annotated
        whole = torch.zeros_like(whole)
        whole[0][image.frame] = 1
    held = torch.from_numpy(_held(image, whole, share))
    # The margin around a block is in neither part.
    near = torch.nn.functional.max_pool2d(held[None], 2 * GAP + 1, stride=1, padding=GAP)[0]
    train = _weighing(image, whole * (1 - near))
    if not train.canvas[3:-1].any():
        raise _too_little(image)
    return train, _weighing(image, whole * held)


def _weighing(image: Prepared, weight: torch.Tensor) -> Prepared:
    canvas = torch.cat([image.canvas[:3], image.vessels * weight, weight])
    own = replace(image.in_use, held=canvas)
    return replace(image, in_use=own, smaller=(), larger=())  # at other scales blocks would mix


def _too_little(image: Prepared) -> ImageError:
    return ImageError(
        f"Too little is annotated on '{image.name}' to hold out a part for validation: annotate more, or "
        "set validation to 0."
    )


def _held(image: Prepared, weight: torch.Tensor, share: float) -> NDArray[np.float32]:
    """Mark the held-out blocks, shape (1, H, W): in a fixed random order, until there are enough."""
    vessels = (image.vessels.amax(0) * weight[0]).numpy()
    annotated = weight[0].numpy() > 0
    rows, columns = (_cuts(np.flatnonzero(annotated.any(axis=axis))) for axis in (1, 0))
    held = np.zeros((1, *annotated.shape), np.float32)
    places = [(slice(*r), slice(*c)) for r in rows for c in columns]
    # Only blocks with both vessels and background.
    useful = [p for p in places if vessels[p].any() and (annotated[p] & (vessels[p] < 0.5)).any()]
    if len(useful) < 2:
        raise _too_little(image)
    blocks = len(useful)
    corrected = _corrected(image, vessels)
    # Corrected pixels are few but count as much as all vessels together, so some must be held out. But a
    # block with most of the corrections is used for training, or there is nothing to learn.
    useful = [p for p in useful if not corrected[p].sum() > corrected.sum() / 2] or useful
    vessels = vessels + corrected * (vessels.sum() / max(1.0, corrected.sum()))
    enough, found = share * vessels.sum(), 0.0
    order = np.random.default_rng(0).permutation(len(useful))
    rest = order if len(useful) < blocks else order[:-1]  # at least one block is left for training
    for number in rest.tolist():
        if found >= enough:
            break
        held[0][useful[number]] = 1
        found += float(vessels[useful[number]].sum())
    return held


def _corrected(image: Prepared, like: NDArray[np.float32]) -> NDArray[np.float32]:
    """Count the corrected pixels at each canvas position, shape (H, W)."""
    counts = np.zeros_like(like)
    if image.corrections is not None:
        np.add.at(counts, image.corrections.on_canvas(image.frame, image.shape), 1)
    return counts


def _cuts(places: NDArray[np.intp]) -> list[tuple[int, int]]:
    first, end = int(places[0]), int(places[-1]) + 1
    count = min(GRID, max(1, (end - first) // SMALLEST))
    edges = np.linspace(first, end, count + 1).round().astype(int).tolist()
    return list(pairwise(edges))
