"""Predictions and reference labels in files: one of each, or folders with matching names."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_saunetv2.datasets.partners import belonging, folded, is_mask, nearest, stem
from napari_saunetv2.errors import FileFormatError, LayoutError
from napari_saunetv2.evaluation.case import Case
from napari_saunetv2.files import (
    ArteryVein,
    load_artery_vein,
    load_labels,
    make_folder,
    read_mask,
    read_prediction,
    readable,
    write_beside,
    write_mask,
    write_probability,
)
from napari_saunetv2.imaging import plausibility
from napari_saunetv2.imaging.ignored import VALUE

_RESULT = re.compile(r"_(vessels|av|probability|overlay)$")
"""What ``saunetv2 segment`` puts behind a photograph's name."""

_LOW = 0.5
"""A map below this probability everywhere may have another full scale."""

PREDICTIONS, TRUTHS, SECOND, FOVS = "predictions", "truth", "second", "fov"
"""Folders that :func:`write` makes."""


@dataclass(frozen=True)
class FilePair:
    """Files of one image.

    Attributes
    ----------
    name : str
    prediction, truth : Path
    second : Path or None
        The second observer's labels.
    fov : Path or None
        Mask of the field of view.
    """

    name: str
    prediction: Path
    truth: Path
    second: Path | None = None
    fov: Path | None = None

    def read(self, threshold: float = 0.5) -> tuple[Case, Case | None]:
        """Read the case and the second observer's.

        A prediction of floats or of shades of grey is a probability, any other a mask. Pixels that an
        observer did not annotate are left out, as if outside the field of view. Anything unusual is logged as
        a warning.

        Raises
        ------
        FileFormatError
            When a file cannot be read.
        ImageError
            When they differ in shape.
        """
        inside = None if self.fov is None else read_mask(self.fov)
        if inside is not None:
            plausibility.log(self.fov.name if self.fov else "", plausibility.of_fov_mask(inside))
        truth, ignored = self._labels(self.truth, inside)
        where = "whole frame" if self.fov is None else self.fov.name
        about = self.prediction.name, self.truth.name, where
        prediction, classes = self._prediction(), self._classes()
        if classes is not None:
            true, said = classes
            parts = [one for one in (true.ignored, said.ignored) if one is not None]
            ignored = np.logical_or.reduce(parts) if len({one.shape for one in parts}) == 1 else None
            truth, labels = true.vessel.astype(np.uint8), (true.labels, said.labels)
            case = Case(self.name, None, truth, said.vessel, threshold, inside, *about, ignored, labels)
        else:
            case = Case(self.name, None, truth, prediction, threshold, inside, *about, ignored)
        share = plausibility.share(case.vessels(), case.counted)
        of = "frame" if inside is None else "field of view"
        plausibility.log(self.prediction.name, plausibility.of_vessels(share, of=of, drawn=not case.probable))
        if self.second is None:
            return case, None
        other, unknown = self._labels(self.second, inside)
        parts = [one for one in (ignored, unknown) if one is not None]
        both = np.logical_or.reduce(parts) if len({one.shape for one in parts}) == 1 else ignored
        about = self.second.name, self.truth.name, where
        return case, Case(self.name, None, truth, other, threshold, inside, *about, both)

    def _prediction(self) -> NDArray[Any]:
        prediction = read_prediction(self.prediction)
        if prediction.dtype.kind == "f" and (top := float(prediction.max())) < _LOW:
            remark = f"its highest probability is {top:.2g}: check its full scale."
            plausibility.log(self.prediction.name, [remark])
        return prediction

    def _classes(self) -> tuple[ArteryVein, ArteryVein] | None:
        """True and predicted arteries and veins, where both files tell them apart."""
        try:
            return load_artery_vein(self.truth), load_artery_vein(self.prediction)
        except FileFormatError:
            return None

    def _labels(
        self, path: Path, inside: NDArray[Any] | None
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_] | None]:
        """Read an observer's mask, and the pixels that were not judged."""
        labels = load_labels(path)
        remarks = [*labels.remarks, *plausibility.of_labels(labels.pixels, inside)]
        if labels.ignored is not None:
            remarks.append(f"{labels.ignored.mean():.1%} of the pixels are not annotated and are left out.")
        plausibility.log(path.name, remarks)
        return labels.pixels, labels.ignored


def matched(
    predictions: str | os.PathLike[str],
    truths: str | os.PathLike[str],
    second: str | os.PathLike[str] | None = None,
    fovs: str | os.PathLike[str] | None = None,
) -> list[FilePair]:
    """Match prediction files with their reference labels.

    Parameters
    ----------
    predictions : path
        A file, or a folder of them: probability maps or masks. Of the results of ``saunetv2 segment`` the
        masks are used, of arteries and veins where there is one; overlays and maps are left out.
    truths, second, fovs : path
        One file for every prediction, or a folder with one for each, as in
        :func:`napari_saunetv2.datasets.partners.belonging`. The second observer may lack some.

    Raises
    ------
    LayoutError
        If there is no prediction, one has no match, or the match is ambiguous.
    """
    found = _predictions(Path(predictions))
    names = [stem(file) for file in found]
    truth, fov = (_partners(names, path) for path in (truths, fovs))
    other = _partners(names, second)
    for given, partners in ((truths, truth), (fovs, fov)):
        if given is not None and None in partners:
            lonely = found[partners.index(None)]
            files = [p for p in sorted(Path(given).iterdir()) if readable(p)]
            raise LayoutError(
                f"'{given}' holds nothing for '{lonely.name}'{nearest(stem(lonely), files)}: add a file of "
                "the same name, or give the two files directly."
            )
    return [
        FilePair(name, file, label, two, inside)
        for name, file, label, two, inside in zip(names, found, truth, other, fov, strict=True)
        if label is not None
    ]


def _predictions(where: Path) -> list[Path]:
    """Files to score: for each photograph the mask, or without a mask the probability."""
    if not where.is_dir():
        return [where]
    groups: dict[str, list[Path]] = {}
    for path in sorted(p for p in where.iterdir() if p.is_file() and readable(p)):
        groups.setdefault(_RESULT.sub("", folded(stem(path))), []).append(path)
    found = [_prediction(group) for group in groups.values()]
    if not found:
        raise LayoutError(f"'{where}' holds no prediction: give a file, or a folder of masks.")
    left = sum(map(len, groups.values())) - len(found)
    if left:
        remark = (
            f"{left} files left out: for each photograph only the mask is scored, or without a mask the "
            "probability map."
        )
        plausibility.log(where.name, [remark])
    return found


def _prediction(files: list[Path]) -> Path:
    if len(files) == 1:
        return files[0]
    named = ([path for path in files if folded(stem(path)).endswith(end)] for end in ("_av", "_vessels"))
    masks = [path for path in next(filter(None, named), files) if is_mask(path)]
    some = masks or [path for path in files if folded(stem(path)).endswith("_probability")]
    if len(some) != 1:
        names = ", ".join(f"'{path.name}'" for path in files)
        raise LayoutError(f"Several files are predictions of one photograph: {names}. Keep only one of them.")
    return some[0]


def _partners(names: list[str], path: str | os.PathLike[str] | None) -> list[Path | None]:
    if path is None:
        return [None] * len(names)
    if not Path(path).is_dir():
        return [Path(path)] * len(names)
    return belonging(names, [p for p in sorted(Path(path).iterdir()) if p.is_file() and readable(p)])


def write(folder: Path, cases: Iterable[tuple[str, Case, Case | None]]) -> Iterator[None]:
    """Write cases as files for :func:`matched`, one after another.

    Parameters
    ----------
    folder : Path
        Created if missing; files of these names must not exist.
    cases : iterable of (str, Case, Case or None)
        Name of the files, case, and the second observer's case. Probabilities become 32-bit floats.
    """
    for name, case, second in cases:
        maps = {TRUTHS: (case.truth, case.ignored)}
        maps |= {SECOND: (second.prediction, second.ignored)} if second is not None else {}
        maps |= {FOVS: (case.inside, None)} if case.inside is not None else {}
        maps |= {} if case.probable else {PREDICTIONS: (case.prediction, None)}
        if case.classes is not None:
            for part, labels in zip((TRUTHS, PREDICTIONS), case.classes, strict=True):
                _write(make_folder(folder / part), name, labels, case.ignored)
                maps.pop(part, None)
        for part, (pixels, ignored) in maps.items():
            _write(make_folder(folder / part), name, np.asarray(pixels != 0, np.uint8), ignored)
        if case.probable:
            write_probability(make_folder(folder / PREDICTIONS) / f"{name}.tif", case.prediction)
        yield


def _write(folder: Path, name: str, mask: NDArray[Any], ignored: NDArray[np.bool_] | None) -> None:
    if ignored is None and mask.max(initial=0) <= 1:
        write_mask(folder / f"{name}.png", mask)
        return
    labels = mask.astype(np.int16) if ignored is None else np.where(ignored, VALUE, mask.astype(np.int16))
    write_beside(folder / f"{name}.tif", lambda file: tifffile.imwrite(file, labels, compression="zlib"))
