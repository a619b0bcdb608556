"""Cross-validation: every image is scored by a model that was not trained on it.

For a data set without a split (STARE) this gives an unbiased score of all its images. A run is a folder with
a training for each fold; scored folds are skipped.
"""

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, TypeVar

from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.datasets import Sample
from napari_saunetv2.errors import CheckpointError, OverwriteError, SettingsError
from napari_saunetv2.evaluation import AS_PUBLISHED, EXACT, ImageScore, Scoring, predictions
from napari_saunetv2.evaluation.splits import seen
from napari_saunetv2.files import make_folder, write_beside
from napari_saunetv2.models import checkpoint
from napari_saunetv2.progress import relay
from napari_saunetv2.training import Recipe, Report
from napari_saunetv2.training.on_demand import Pairs

T = TypeVar("T")

SETTINGS, SCORES = "folds.json", "scores.json"


@dataclass(frozen=True)
class FoldReport:
    """Progress of a cross-validation.

    Attributes
    ----------
    fold, folds : int
        The first fold is 1.
    training : Report or None
        Report of the fold's training; None after scoring its images.
    scores : list of ImageScore
        Scores of all images so far.
    """

    fold: int
    folds: int
    training: Report | None
    scores: list[ImageScore]


def folds_of(subjects: Sequence[T], count: int) -> list[list[T]]:
    """Split subjects into folds in their order; sizes differ by at most one.

    Raises
    ------
    SettingsError
        If there are fewer than two folds, or fewer subjects than folds.
    """
    if not 2 <= count <= len(subjects):
        raise SettingsError(
            f"folds is {count}: it must be at least 2, and at most {len(subjects)}, the number of subjects."
        )
    ends = [round(len(subjects) * n / count) for n in range(count + 1)]
    return [list(subjects[a:b]) for a, b in pairwise(ends)]


def by_subject(samples: Sequence[Sample]) -> list[list[Sample]]:
    """Samples of each subject: they look alike, so that they belong into one fold."""
    subjects: dict[str, list[Sample]] = {}
    for sample in samples:
        subjects.setdefault(sample.subject, []).append(sample)
    return list(subjects.values())


def cross_validate(
    samples: Sequence[Sample],
    recipe: Recipe,
    run: Path,
    *,
    folds: int = 5,
    name: str = "own",
    config: InferenceConfig = EXACT,
    scoring: Scoring = AS_PUBLISHED,
    resume: bool = False,
) -> Generator[FoldReport, None, list[ImageScore]]:
    """Train on all folds but one and score that one, for each fold in turn.

    Closing the generator stops it; ``resume`` continues from there.

    Parameters
    ----------
    samples : sequence of Sample
        Samples of one data set, with labels; folds follow their order and never part a subject.
    recipe : Recipe
        Recipe to train each fold. Its own choice of images is ignored.
    run : Path
        Folder of the run: ``fold-1``, ... each hold a training and its scores.
    folds : int
    name : str
        The recipe's name, for the models' headers.
    config : InferenceConfig
        How the images that were held out go through the models; its device also trains them.
    scoring : Scoring
        How they are scored. ``observer`` does not matter: the reference observer's labels are the truth.
    resume : bool
        Continue the run in the folder.

    Yields
    ------
    FoldReport
        After every step of a training, and after every fold.

    Returns
    -------
    list of ImageScore
        Of all images, fold by fold.

    Raises
    ------
    SettingsError
        If the folds are invalid, or the recipe starts from a model trained on some of the images.
    OverwriteError, CheckpointError
        If the folder holds a run that cannot be continued.
    """
    parts = [list(chain.from_iterable(fold)) for fold in folds_of(by_subject(samples), folds)]
    _refuse_seen(samples, recipe)
    settings = {
        "recipe": name,
        "cycles": [asdict(cycle) for cycle in recipe.cycles],
        "base": recipe.base,
        "folds": [[s.name for s in part] for part in parts],
        "scoring": {"protocol": scoring.protocol, "threshold": scoring.threshold, "tta": config.tta},
    }
    _open(run, settings, resume=resume)
    scores: list[ImageScore] = []
    for number, held in enumerate(parts, start=1):
        folder = run / f"fold-{number}"
        found = _read_scores(folder)
        if found is None:
            work = recipe.train(
                Pairs.of(sample for part in parts if part is not held for sample in part),
                folder,
                resume=True,  # a fold that has not started has nothing to resume, and starts
                device=config.device,
                data={"dataset": held[0].dataset, "split": f"all but fold {number} of {folds}"},
                name=name,
            )
            path = yield from relay(work, partial(_report, number, folds, scores))
            cases = predictions(held, checkpoint.load(path), config, replace(scoring, observer=None))
            found = [case.score() for case in cases]
            _write(folder / SCORES, {s.name: dict(s.metrics) for s in found})
        scores = [*scores, *found]
        yield FoldReport(number, folds, None, scores)
    return scores


def _report(fold: int, folds: int, scores: list[ImageScore], training: Report) -> FoldReport:
    return FoldReport(fold, folds, training, scores)


def _refuse_seen(samples: Sequence[Sample], recipe: Recipe) -> None:
    """Raise SettingsError for a recipe whose base model was trained on images to be scored."""
    if recipe.base is None:
        return
    header = checkpoint.load(recipe.base).header
    known = [s.name for s in samples if seen(s, header)]
    if known:
        raise SettingsError(
            f"The recipe starts from '{recipe.base}', which was trained on {known[0]} and others of these "
            "images: choose a recipe that trains from scratch."
        )


def _open(run: Path, settings: Mapping[str, Any], *, resume: bool) -> None:
    path = run / SETTINGS
    if not path.exists():
        make_folder(run)
        _write(path, settings)
        return
    if not resume:
        raise OverwriteError(
            f"'{run}' already holds a cross-validation: continue it with --resume, or choose another folder."
        )
    if _read(path) != json.loads(json.dumps(settings)):
        raise CheckpointError(
            f"'{run}' holds a cross-validation with other settings or images: use another folder."
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
        raise CheckpointError(f"'{path}' is damaged: use another folder.") from error


def _write(path: Path, values: Mapping[str, Any]) -> None:
    # Python's JSON can write and read NaN, which a score may be.
    write_beside(path, lambda file: file.write(json.dumps(values, indent=1).encode()), overwrite=True)
