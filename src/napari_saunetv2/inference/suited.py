"""What to do with a picture that a model is not for."""

from functools import partial

from napari_saunetv2.datasets import DATASETS
from napari_saunetv2.imaging.plausibility import Advice
from napari_saunetv2.models import library
from napari_saunetv2.models.header import Header


def advice(header: Header) -> Advice:
    """Say which model to choose for a picture of another modality, or how this one was checked there.

    Parameters
    ----------
    header : Header
        Of the model in use.

    Returns
    -------
    callable
        Takes what the picture seems to be, a key of ``imaging.modality.MODALITIES``, and returns words.
    """
    return partial(_advice, header)


def _advice(header: Header, found: str) -> str:
    if (name := library.suited(found)) is not None:
        return f"choose {name}, which is for such pictures"
    scores = [score for score in header.scores if _modality(score["dataset"]) == found]
    if not scores:
        return "it has not been checked on such pictures, so check the result"
    said = [f"F1 {score['mean']['f1']:.2f} on {DATASETS[score['dataset']].title}" for score in scores]
    return f"there it scored {' and '.join(said)}, so check the result"


def _modality(key: str) -> str:
    return DATASETS[key].modality if key in DATASETS else ""
