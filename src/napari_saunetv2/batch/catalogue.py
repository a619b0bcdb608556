"""Browsing a data set: thumbnails, and jobs on all its images that can be stopped."""

import csv
import io
from collections.abc import Generator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2 import DISCLAIMER, __version__, batch, evaluation
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.datasets import Sample
from napari_saunetv2.errors import SaunetError
from napari_saunetv2.files import make_folder
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.scale import resize, scaled_shape
from napari_saunetv2.imaging.vessels import PostProcessing
from napari_saunetv2.inference.fallback import State
from napari_saunetv2.metrics import TITLES
from napari_saunetv2.models.checkpoint import Checkpoint
from napari_saunetv2.progress import relay

THUMBNAIL = 40
"""Longer side in pixels."""

SHARE = "vessel_share_of_fov"
"""Key of the share of the field of view that is vessel, as in the command line's table."""

HEADINGS = {**TITLES, **evaluation.CLASS_TITLES, SHARE: "vessels (share of FOV)"}
"""Of the numbers in a list of images, by their keys."""


class Line(NamedTuple):
    """Result for an image: its numbers by name, or why there are none."""

    name: str
    values: Mapping[str, float]
    note: str = ""
    about: Mapping[str, str] = {}
    """Model, threshold, field of view and the like, for the table."""


class Table(NamedTuple):
    """The lines filled in so far, and the share of the work that is done, range [0, 1]."""

    lines: tuple[Line, ...]
    share: float


def thumbnail(image: NDArray[Any], side: int = THUMBNAIL) -> NDArray[np.uint8]:
    """Shrink a picture so that its longer side has ``side`` pixels: shape (h, w, 3), uint8."""
    step = max(1, min(image.shape[:2]) // (4 * side))  # pixels dropped here need not be resampled below
    few = to_unit(image[::step, ::step])
    height, width = few.shape[:2]
    small = resize(few, *scaled_shape(height, width, side / max(height, width)))
    return (small * 255).round().astype(np.uint8)


def thumbnails(
    samples: Sequence[Sample],
) -> Generator[dict[str, NDArray[np.uint8]], None, dict[str, NDArray[np.uint8]]]:
    """Make the thumbnails of all samples, by name; a file that cannot be read gets none.

    Yields
    ------
    dict of str to array
        Those made so far.
    """
    made: dict[str, NDArray[np.uint8]] = {}
    for sample in samples:
        try:
            made = made | {sample.name: thumbnail(sample.image())}
        except SaunetError:
            continue
        yield made
    return made


def segment_all(
    samples: Sequence[Sample],
    model: Checkpoint,
    config: InferenceConfig,
    post: PostProcessing,
    options: batch.OutputOptions,
) -> Generator[Table, None, Table]:
    """Segment every sample and write the results; the table has the vessel share of the field of view.

    Yields
    ------
    Table
        After every pass of the network. The line of a failed image has the reason; the others continue.

    Raises
    ------
    FileFormatError
        If the folder for the results cannot be created.
    """
    make_folder(options.folder)
    lines: tuple[Line, ...] = ()
    for sample in samples:
        try:
            work = batch.segment_steps(sample.image_path, sample.name, model, config, post, options)
            done = yield from relay(work, partial(_table, lines, len(samples)))
            line = _segmented(sample.name, done, model, post)
        except SaunetError as error:
            line = Line(sample.name, {}, str(error))
        lines = (*lines, line)
        yield Table(lines, len(lines) / len(samples))
    return Table(lines, 1.0)


def _table(lines: tuple[Line, ...], count: int, state: State) -> Table:
    return Table(lines, (len(lines) + state.share) / count)


def _segmented(name: str, done: batch.Summary, model: Checkpoint, post: PostProcessing) -> Line:
    about = {
        "model": model.name,
        "threshold": f"{post.threshold:g}",
        "fov": done.fov,
        "version": __version__,
        "quality_note": "" if done.quality is None else done.quality.note,
        "remarks": " ".join(done.remarks),
    }
    values = {SHARE: done.share, "seconds": done.seconds}
    if done.quality is not None:
        values["quality"] = done.quality.score
    return Line(name, values, about=about)


def score_all(
    samples: Sequence[Sample],
    model: Checkpoint,
    config: InferenceConfig = evaluation.EXACT,
    scoring: evaluation.Scoring = evaluation.AS_PUBLISHED,
) -> Generator[Table, None, Table]:
    """Score a model on every sample; the table has the metrics.

    Yields
    ------
    Table
        Before the first image and after each. The line of an image without labels says so.
    """
    lines: tuple[Line, ...] = ()
    yield Table(lines, 0.0)
    for sample in samples:
        try:
            (case,) = evaluation.predictions([sample], model, config, scoring)
            score = case.score()
            line = Line(sample.name, score.metrics, about=score.about)
        except SaunetError as error:
            line = Line(sample.name, {}, str(error))
        lines = (*lines, line)
        yield Table(lines, len(lines) / len(samples))
    return Table(lines, 1.0)


def mean(lines: Sequence[Line]) -> dict[str, float]:
    """Mean of every number over the lines that have one."""
    names = dict.fromkeys(name for line in lines for name in line.values)
    columns = {
        name: [v for line in lines if np.isfinite(v := line.values.get(name, np.nan))] for name in names
    }
    return {name: float(np.mean(values)) for name, values in columns.items() if values}


def as_csv(lines: Sequence[Line]) -> str:
    """Table with one line per image, then the mean, with a disclaimer."""
    names = list(dict.fromkeys(name for line in lines for name in line.values))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    about = list(dict.fromkeys(name for line in lines for name in line.about))
    writer.writerow(["image", *names, *about, "note"])
    alike = {
        name: values.pop()
        for name in about
        if len(values := {x.about.get(name, "") for x in lines if x.values}) == 1
    }
    for line in (*lines, Line("mean", mean(lines), DISCLAIMER, alike)):
        numbers = (f"{line.values[name]:.6f}" if name in line.values else "" for name in names)
        writer.writerow([line.name, *numbers, *(line.about.get(name, "") for name in about), line.note])
    return text.getvalue()
