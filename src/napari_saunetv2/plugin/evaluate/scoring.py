"""Score layers, one plane at a time."""

import shlex
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2 import evaluation
from napari_saunetv2.evaluation import Case, Curve, ImageScore, Miss, file_pairs
from napari_saunetv2.imaging import plausibility
from napari_saunetv2.imaging.overlay import agreement
from napari_saunetv2.plugin.evaluate.pair import PredictionPair
from napari_saunetv2.training.folders import file_names


@dataclass(frozen=True)
class Examined:
    """Result for one plane.

    Attributes
    ----------
    pair : PredictionPair
    index : tuple of int
        Index of the plane in its layer.
    score : ImageScore
    point : (float, float)
        Recall and precision.
    curve : Curve or None
        None for labels.
    misses : list of Miss
    agreement : array, shape of the prediction, uint8
        Of all planes of the prediction; its other planes are filled as they are scored.
    second : ImageScore or None
        The second observer's.
    second_point : (float, float) or None
    remarks : list of str
        Remarks on anything unusual about prediction, reference and field of view.
    """

    pair: PredictionPair
    index: tuple[int, ...]
    score: ImageScore
    point: tuple[float, float]
    curve: Curve | None
    misses: list[Miss]
    agreement: NDArray[np.uint8]
    second: ImageScore | None
    second_point: tuple[float, float] | None
    remarks: list[str]


def examine(pairs: Sequence[PredictionPair]) -> Generator[float, None, list[Examined]]:
    """Score all planes of all predictions; yields the share done."""
    total = sum(len(one.indices) for one in pairs)
    found: list[Examined] = []
    yield 0.0
    for one in pairs:
        codes = np.zeros(one.prediction.data.shape, np.uint8)
        for index, case, second in one.cases():
            vessels = case.vessels()
            score = case.score()
            codes[index] = agreement(case.truth, vessels, case.counted)
            yield (len(found) + 0.5) / total
            found.append(
                Examined(
                    one,
                    index,
                    score,
                    evaluation.operating_point(case.truth, vessels, case.counted),
                    evaluation.curve(case.truth, case.prediction, case.counted) if case.probable else None,
                    evaluation.misses(case.truth, vessels, case.counted),
                    codes,
                    None if second is None else second.score(),
                    None if second is None else _point(second),
                    _remarks(one, case, second),
                )
            )
            yield len(found) / total
    return found


def export(pairs: Sequence[PredictionPair], folder: Path) -> Generator[float, None, str]:
    """Write the compared layers to files; returns the command line that scores them."""
    names = file_names([name for one in pairs for name in one.names])
    cases = (pair for one in pairs for pair in one.cases())
    work = file_pairs.write(
        folder, ((name, case, second) for name, (_, case, second) in zip(names, cases, strict=True))
    )
    for done, _ in enumerate(work, start=1):
        yield done / len(names)
    words = ["score", str(folder / file_pairs.PREDICTIONS), str(folder / file_pairs.TRUTHS)]
    for option, name in (("--second", file_pairs.SECOND), ("--fov", file_pairs.FOVS)):
        words += [option, str(folder / name)] if (folder / name).is_dir() else []
    return shlex.join(["saunetv2", *words, "--threshold", repr(pairs[0].threshold)])


def _remarks(one: PredictionPair, case: Case, second: Case | None) -> list[str]:
    """Return remarks on anything unusual, each with the layer's name."""
    if one.inside is not None and case.inside is not None:
        wrong = plausibility.of_fov_mask(case.inside)
        if wrong:  # then the shares inside it are meaningless
            return [f"'{one.inside.name}': {remark}" for remark in wrong]
    of, counted = "frame" if case.inside is None else "field of view", case.counted
    found = [
        (one.prediction.name, plausibility.of_vessels(plausibility.share(case.vessels(), counted), of=of))
    ]
    found += [(one.truth.name, plausibility.of_labels(case.truth, counted))]
    if one.second is not None and second is not None:
        found += [(one.second.name, plausibility.of_labels(second.prediction, second.counted))]
    if case.ignored is not None:
        words = f"{case.ignored.mean():.1%} of the pixels are not annotated and are left out."
        found.append((one.truth.name, (words,)))
    if one.not_used:
        found.append((one.prediction.name, (one.not_used,)))
    return [f"'{name}': {remark}" for name, remarks in found for remark in remarks]


def _point(case: Case) -> tuple[float, float]:
    return evaluation.operating_point(case.truth, case.vessels(), case.counted)
