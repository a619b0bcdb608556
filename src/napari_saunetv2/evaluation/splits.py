"""Which images of a data set are scored, and which were not used to train a model."""

from collections.abc import Mapping, Sequence
from typing import Any

from napari_saunetv2.datasets import Sample, photographs_of
from napari_saunetv2.errors import LayoutError, SettingsError
from napari_saunetv2.models.checkpoint import Header
from napari_saunetv2.models.lineage import trainings


def chosen(samples: Sequence[Sample], split: str | None, header: Header | None = None) -> list[Sample]:
    """Samples of a split.

    Parameters
    ----------
    samples : sequence of Sample
    split : "train", "test", "all", "unseen" or None
        "unseen" are images on which neither the model nor its base models were trained or validated; None is
        "test" if the data set has one, else "all".
    header : Header, optional
        The model's header, for "unseen".

    Raises
    ------
    LayoutError
        If no sample is left.
    SettingsError
        If the model does not state what it was trained on.
    """
    wanted = split or ("test" if any(s.split == "test" for s in samples) else "all")
    if wanted == "unseen":
        return _unseen(samples, header)
    kept = [s for s in samples if wanted in ("all", s.split)]
    if not kept:
        known = sorted({s.split for s in samples if s.split})
        raise LayoutError(
            f"There is no split '{split}' here: choose {', '.join([*known, 'all'])} or unseen."
            if samples
            else "There are no samples: give the folder of a data set."
        )
    return kept


def seen(sample: Sample, header: Header) -> bool:
    """Whether a model or one of its base models was trained or validated on an image.

    Names are compared within a data set; if the model names no data set, only by name.

    Raises
    ------
    SettingsError
        If the model or a base model does not list its images, and no other one used this image.
    """
    if learned_from(sample, header):
        return True
    if not all({"train", "validation"} <= training["data"].keys() for training in trainings(header)):
        raise SettingsError(
            "The model or its base model does not list its training images, so the unseen images are not "
            "known: choose the split train, test or all."
        )
    return False


def learned_from(sample: Sample, header: Header) -> bool:
    """Whether the header says that the model or a base model was trained or validated on an image."""
    return any(_names(training["data"], sample) for training in trainings(header))


def _names(data: Mapping[str, Any], sample: Sample) -> bool:
    # A model of several data sets names them in one text: "drive, stare".
    sets = {name.strip() for name in str(data.get("dataset", sample.dataset)).split(",")}
    names = [name for part in ("train", "validation", "teachers") for name in data.get(part, ())]
    # RITE's images are DRIVE's: who learned from one has seen the other.
    return photographs_of(sample.dataset) in map(photographs_of, sets) and sample.name in names


def _unseen(samples: Sequence[Sample], header: Header | None) -> list[Sample]:
    if header is None:
        raise SettingsError("The split unseen needs a model: give one, or choose train, test or all.")
    kept = [s for s in samples if not seen(s, header)]
    if not kept:
        raise LayoutError(
            "The model was trained on every image here: score it on another data set, or choose another "
            "split."
        )
    return kept
