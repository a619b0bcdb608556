"""Cross-validation: every image is scored by a model that has not seen it.

For a data set without a split (STARE) this is the honest score of all its images. A run is a folder with a
training for each fold; a fold that is scored is not done again.
"""

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from napari_saunetv2 import inference
from napari_saunetv2.datasets import Sample
from napari_saunetv2.errors import CheckpointError, OverwriteError, SettingsError
from napari_saunetv2.evaluation.case import ImageScore
from napari_saunetv2.evaluation.scores import Protocol, check_protocol, evaluate
from napari_saunetv2.evaluation.splits import seen
from napari_saunetv2.files import make_folder, write_beside
from napari_saunetv2.models import checkpoint
from napari_saunetv2.training import Pair, Recipe, Report

SETTINGS, SCORES = "folds.json", "scores.json"


@dataclass(frozen=True)
class Scoring:
    """How the images that were held out are scored; as :func:`napari_saunetv2.evaluation.evaluate`."""

    protocol: Protocol = "whole"
    threshold: float = 0.5
    tta: inference.TestTime = "none"


@dataclass(frozen=True)
class FoldReport:
    """Where a cross-validation stands.

    Attributes
    ----------
    fold, folds : int
        The first fold is 1.
    training : Report or None
        Of the fold's training; None when its images were scored.
    scores : list of ImageScore
        Of all images that are scored by now.
    """

    fold: int
    folds: int
    training: Report | None
    scores: list[ImageScore]


def folds_of(samples: Sequence[Sample], count: int) -> list[list[Sample]]:
    """Cut samples into folds in their order; the sizes differ by one at most.

    Raises
    ------
    SettingsError
        When there are fewer than two folds, or fewer images than folds.
    """
    if not 2 <= count <= len(samples):
        raise SettingsError(
            f"folds is {count}: it must be at least 2, and at most the {len(samples)} images."
        )
    ends = [round(len(samples) * n / count) for n in range(count + 1)]
    return [list(samples[a:b]) for a, b in pairwise(ends)]


def cross_validate(
    samples: Sequence[Sample],
    recipe: Recipe,
    run: Path,
    *,
    folds: int = 5,
    name: str = "own",
    scoring: Scoring | None = None,
    resume: bool = False,
    device: str = "auto",
) -> Generator[FoldReport, None, list[ImageScore]]:
    """Train on all folds but one and score that one, for each in turn.

    Closing the generator stops it; ``resume`` goes on from there.

    Parameters
    ----------
    samples : sequence of Sample
        Of one data set, with labels; folds are cut in their order.
    recipe : Recipe
        How each fold is trained. Which images it takes by itself does not matter here.
    run : Path
        Folder of the run: ``fold-1``, ... each hold a training and its scores.
    folds : int
    name : str
        The recipe's, for the models' headers.
    scoring : Scoring, optional
    resume : bool
        Go on with the run that lies there.
    device : str
        As :func:`napari_saunetv2.engines.devices.resolve`.

    Yields
    ------
    FoldReport
        After every step of a training, and after every fold.

    Returns
    -------
    list of ImageScore
        Of all images, in their order.

    Raises
    ------
    SettingsError
        When the folds cannot be cut, or the recipe starts from a model that has seen some of the images.
    OverwriteError, CheckpointError
        When the folder holds a run that cannot be gone on with.
    """
    how = scoring or Scoring()
    check_protocol(how.protocol)
    parts = folds_of(samples, folds)
    _refuse_seen(samples, recipe)
    wanted = {
        "recipe": name,
        "cycles": [asdict(config) for config in recipe.cycles],
        "base": recipe.base,
        "folds": [[s.name for s in part] for part in parts],
        "scoring": asdict(how),
    }
    _open(run, wanted, resume=resume)
    scores: list[ImageScore] = []
    for number, held in enumerate(parts, start=1):
        folder = run / f"fold-{number}"
        found = _read_scores(folder)
        if found is None:
            work = recipe.train(
                [Pair.of(sample) for part in parts if part is not held for sample in part],
                folder,
                resume=True,  # a fold that was not begun has nothing to go on with, and begins
                device=device,
                data={"dataset": held[0].dataset, "split": f"all but fold {number} of {folds}"},
                name=name,
            )
            path = yield from _told(work, number, folds, scores)
            found = list(evaluate(held, path, device=device, **asdict(how)))
            _write(folder / SCORES, {s.name: dict(s.metrics) for s in found})
        scores = [*scores, *found]
        yield FoldReport(number, folds, None, scores)
    return scores


def _told(
    work: Generator[Report, None, Path], fold: int, folds: int, scores: list[ImageScore]
) -> Generator[FoldReport, None, Path]:
    """Pass a training's reports on, as the fold's."""
    try:
        while True:
            yield FoldReport(fold, folds, next(work), scores)
    except StopIteration as done:
        return cast("Path", done.value)
    finally:
        work.close()


def _refuse_seen(samples: Sequence[Sample], recipe: Recipe) -> None:
    """Raise SettingsError for a recipe whose base was trained on images that a fold would be scored on."""
    if recipe.base is None:
        return
    header = checkpoint.load(recipe.base).header
    known = [s.name for s in samples if seen(s, header)]
    if known:
        raise SettingsError(
            f"The recipe starts from '{recipe.base}', which was trained on {known[0]} and others of these "
            "images: choose a recipe that starts from the beginning."
        )


def _open(run: Path, wanted: Mapping[str, Any], *, resume: bool) -> None:
    path = run / SETTINGS
    if not path.exists():
        make_folder(run)
        _write(path, wanted)
        return
    if not resume:
        raise OverwriteError(
            f"'{run}' holds a cross-validation already: go on with it by --resume, or choose another folder."
        )
    if _read(path) != json.loads(json.dumps(wanted)):
        raise CheckpointError(
            f"'{run}' was cross-validated with other settings or images: start in another folder."
        )


def _read_scores(folder: Path) -> list[ImageScore] | None:
    path = folder / SCORES
    if not path.exists():
        return None
    return [ImageScore(name, metrics) for name, metrics in _read(path).items()]


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(f"'{path}' is damaged: start in another folder.") from error


def _write(path: Path, values: Mapping[str, Any]) -> None:
    # Python's own JSON knows NaN, which a score may be, and reads it again.
    write_beside(path, lambda file: file.write(json.dumps(values, indent=1).encode()), overwrite=True)
