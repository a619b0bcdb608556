"""Two sets of scores of the same images, compared in pairs.

Images differ more than models do (one image's F1 has a standard deviation of about .013 on DRIVE), so two
means say little; their paired differences say more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.errors import SettingsError
from napari_saunetv2.evaluation.case import ImageScore, titles_of
from napari_saunetv2.metrics import LOWER_IS_BETTER

RESAMPLES = 9999


@dataclass(frozen=True)
class Comparison:
    """One metric of two models (or of a model and an observer) over the same images.

    Attributes
    ----------
    images : int
        Images in which both have a value; the rest is over these.
    first, second : float
        Means.
    difference, low, high : float
        Mean of first minus second, and its 95 % interval: the bootstrap over images, bias-corrected and
        accelerated (Efron, 1987). NaN where there are fewer than two images.
    p_value : float
        Wilcoxon's signed-rank test, two-sided: the probability of such differences if neither is better. NaN
        without an image.
    wins, losses : int
        Images in which the first is better, and worse; ties are neither.
    """

    images: int
    first: float
    second: float
    difference: float
    low: float
    high: float
    p_value: float
    wins: int
    losses: int


def compare(
    first: Sequence[ImageScore], second: Sequence[ImageScore], *, seed: int = 0
) -> dict[str, Comparison]:
    """Compare two sets of scores of the same images, metric by metric.

    Parameters
    ----------
    first, second : sequence of ImageScore
        Of the same images, in any order.
    seed : int
        Of the bootstrap's draws.

    Returns
    -------
    dict of str to Comparison
        Keys and order of ``TITLES``, then those of ``CLASS_TITLES`` that all have.

    Raises
    ------
    SettingsError
        If the images differ, or a name occurs twice.
    """
    others = {s.name: s.metrics for s in second}
    names = [s.name for s in first]
    if len(others) != len(second) or len(set(names)) != len(names) or set(names) != set(others):
        raise SettingsError(
            f"Scores of {len(first)} and {len(second)} images cannot be paired: score both on the same "
            "images, each once."
        )
    return {
        metric: _compared(
            np.array([[s.metrics[metric], others[s.name][metric]] for s in first], float).reshape(-1, 2),
            seed,
            sign=-1 if metric in LOWER_IS_BETTER else 1,
        )
        for metric in titles_of([*first, *second])
    }


def _compared(pairs: NDArray[np.float64], seed: int, sign: int) -> Comparison:
    """Compare values, shape (images, 2)."""
    pairs = pairs[np.isfinite(pairs).all(axis=1)]
    differences = pairs[:, 0] - pairs[:, 1]
    if not len(pairs):
        nan = float("nan")
        return Comparison(0, nan, nan, nan, nan, nan, nan, 0, 0)
    low, high = _interval(differences, seed)
    return Comparison(
        images=len(pairs),
        first=float(pairs[:, 0].mean()),
        second=float(pairs[:, 1].mean()),
        difference=float(differences.mean()),
        low=low,
        high=high,
        p_value=_wilcoxon(differences),
        wins=int(np.count_nonzero(sign * differences > 0)),
        losses=int(np.count_nonzero(sign * differences < 0)),
    )


def _interval(differences: NDArray[np.float64], seed: int) -> tuple[float, float]:
    from scipy.stats import bootstrap  # slow to import, so only when comparing

    if len(differences) < 2:
        return float("nan"), float("nan")
    if np.ptp(differences) == 0:  # every resample is the same, and the correction divides by 0
        return float(differences[0]), float(differences[0])
    draw = np.random.default_rng(seed)
    found = bootstrap((differences,), np.mean, n_resamples=RESAMPLES, random_state=draw)
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def _wilcoxon(differences: NDArray[np.float64]) -> float:
    from scipy.stats import wilcoxon

    return float(wilcoxon(differences).pvalue) if differences.any() else 1.0
