"""Score layers, one plane at a time."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2 import evaluation
from napari_saunetv2.evaluation import Case, Curve, ImageScore, Miss
from napari_saunetv2.imaging.overlay import agreement
from napari_saunetv2.plugin._comparands import Comparand


@dataclass(frozen=True)
class Examined:
    """What came out of one plane.

    Attributes
    ----------
    comparand : Comparand
    index : tuple of int
        Of the plane in its layer.
    score : ImageScore
    point : (float, float)
        Recall and precision.
    curve : Curve or None
        None for labels.
    misses : list of Miss
    agreement : array, shape (H, W), uint8
    second : ImageScore or None
        The second observer's.
    second_point : (float, float) or None
    """

    comparand: Comparand
    index: tuple[int, ...]
    score: ImageScore
    point: tuple[float, float]
    curve: Curve | None
    misses: list[Miss]
    agreement: NDArray[np.uint8]
    second: ImageScore | None
    second_point: tuple[float, float] | None


def examine(comparands: Sequence[Comparand]) -> Generator[float, None, list[Examined]]:
    """Score all planes of all predictions; yields the share that is done."""
    total = sum(len(one.indices) for one in comparands)
    found: list[Examined] = []
    yield 0.0
    for one in comparands:
        for index, case, second in one.cases():
            vessels = case.vessels()
            score = case.score()
            yield (len(found) + 0.5) / total
            found.append(
                Examined(
                    one,
                    index,
                    score,
                    evaluation.operating_point(case.truth, vessels, case.inside),
                    evaluation.curve(case.truth, case.answer, case.inside) if case.probable else None,
                    evaluation.misses(case.truth, vessels, case.inside),
                    agreement(case.truth, vessels, case.inside),
                    None if second is None else second.score(),
                    None if second is None else _point(second),
                )
            )
            yield len(found) / total
    return found


def _point(case: Case) -> tuple[float, float]:
    return evaluation.operating_point(case.truth, case.vessels(), case.inside)
