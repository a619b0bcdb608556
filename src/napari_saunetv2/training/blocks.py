"""Validation within one image: blocks of it that training never gets to know the labels of."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from napari_saunetv2.errors import ImageError
from napari_saunetv2.training.views import Prepared

GRID = 6
"""Blocks along each side of what is annotated, at most."""

SMALLEST = 40
"""Side in pixels that a block has at least."""

GAP = 8
"""Pixels around a block that is held back that belong to neither part, so that the two never touch."""


def in_blocks(image: Prepared, share: float) -> tuple[Prepared, Prepared]:
    """Part an image: one for training, whose weight is 0 in some blocks, and one that weighs these alone.

    Parameters
    ----------
    image : Prepared
    share : float, (0, 1)
        Of the vessels that is held back, at least.

    Raises
    ------
    ImageError
        Where so little is annotated that no block can be spared.
    """
    whole = torch.ones_like(image.canvas[:1]) if image.weight is None else image.weight
    if image.weight is None:  # the black around the image is nobody's annotation
        whole = torch.zeros_like(whole)
        whole[0][image.frame] = 1
    held = torch.from_numpy(_held(image, whole, share))
    # What lies around a block is in neither part.
    near = torch.nn.functional.max_pool2d(held[None], 2 * GAP + 1, stride=1, padding=GAP)[0]
    train = _weighing(image, whole * (1 - near))
    if not train.canvas[3:-1].any():
        raise _too_little(image)
    return train, _weighing(image, whole * held)


def _weighing(image: Prepared, weight: torch.Tensor) -> Prepared:
    return replace(image, canvas=torch.cat([image.canvas[:3], image.vessels * weight, weight]))


def _too_little(image: Prepared) -> ImageError:
    return ImageError(
        f"Too little is annotated on '{image.name}' to keep a part of it for validation: annotate more, "
        "or set validation to 0."
    )


def _held(image: Prepared, weight: torch.Tensor, share: float) -> NDArray[np.float32]:
    """Mark the blocks that are held back, shape (1, H, W): in a fixed random order, until they suffice."""
    vessels = (image.vessels.amax(0) * weight[0]).numpy()
    annotated = weight[0].numpy() > 0
    rows, columns = (_cuts(np.flatnonzero(annotated.any(axis=axis))) for axis in (1, 0))
    held = np.zeros((1, *annotated.shape), np.float32)
    places = [(slice(*r), slice(*c)) for r in rows for c in columns]
    # Only blocks in which there is something of both to tell apart.
    useful = [p for p in places if vessels[p].any() and (annotated[p] & (vessels[p] < 0.5)).any()]
    if len(useful) < 2:
        raise _too_little(image)
    blocks = len(useful)
    corrected = _corrected(image, vessels)
    # Corrected pixels are few, and count as much as all vessels together: blocks that hold enough of these
    # may hold none. But a block with most of the corrections is trained on, or there is nothing to learn.
    useful = [p for p in useful if not corrected[p].sum() > corrected.sum() / 2] or useful
    vessels = vessels + corrected * (vessels.sum() / max(1.0, corrected.sum()))
    wanted, found = share * vessels.sum(), 0.0
    order = np.random.default_rng(0).permutation(len(useful))
    rest = order if len(useful) < blocks else order[:-1]  # one is left to train on, whatever the share
    for number in rest.tolist():
        if found >= wanted:
            break
        held[0][useful[number]] = 1
        found += float(vessels[useful[number]].sum())
    return held


def _corrected(image: Prepared, like: NDArray[np.float32]) -> NDArray[np.float32]:
    """Count the corrected pixels at each place of the canvas, shape (H, W)."""
    counts = np.zeros_like(like)
    if image.corrections is not None:
        np.add.at(counts, image.corrections.on_canvas(image.frame, image.shape), 1)
    return counts


def _cuts(places: NDArray[np.intp]) -> list[tuple[int, int]]:
    first, end = int(places[0]), int(places[-1]) + 1
    count = min(GRID, max(1, (end - first) // SMALLEST))
    edges = np.linspace(first, end, count + 1).round().astype(int).tolist()
    return list(pairwise(edges))
