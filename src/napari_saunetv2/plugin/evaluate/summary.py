"""What a scoring came to: the numbers of one image or of several, and a sentence about all."""

from collections.abc import Sequence
from dataclasses import dataclass

from napari_saunetv2 import evaluation
from napari_saunetv2.evaluation import Curve, Miss
from napari_saunetv2.metrics import shown
from napari_saunetv2.plugin.evaluate.scoring import Examined

MEAN = "mean"

REMARKS = 2
"""Remarks that the sentence repeats, at most."""


@dataclass(frozen=True)
class Summary:
    """What the views show: of one image, or the mean of several.

    Attributes
    ----------
    columns : dict
        All metrics, for the prediction and for the second observer.
    points : dict
        Recall and precision, likewise.
    curve : Curve or None
        None where every prediction is labels.
    misses : list of (str, Miss)
        With the name of the image.
    several : bool
        Whether it is of more than one image.
    """

    columns: dict[str, dict[str, float]]
    points: dict[str, tuple[float, float]]
    curve: Curve | None
    misses: list[tuple[str, Miss]]
    several: bool

    @classmethod
    def of(cls, some: Sequence[Examined]) -> "Summary":
        """Sum up images."""
        columns = {"prediction": evaluation.mean([x.score for x in some])}
        points = {"prediction": evaluation.mean_point([x.point for x in some])}
        second = [x.second for x in some if x.second is not None]
        if second:
            columns["observer 2"] = evaluation.mean(second)
            points["observer 2"] = evaluation.mean_point([x.second_point for x in some if x.second_point])
        curves = [x.curve for x in some if x.curve is not None]
        return cls(
            columns,
            points,
            evaluation.mean_curve(curves) if curves else None,
            [(x.score.name, miss) for x in some for miss in x.misses],
            len(some) > 1,
        )


def names(found: Sequence[Examined]) -> list[str]:
    """Name the images, the worst first, and before several of them their mean."""
    worst = [x.score.name for x in sorted(found, key=lambda x: evaluation.worst_first(x.score))]
    return [MEAN, *worst] if len(worst) > 1 else worst


def remarks(found: Sequence[Examined]) -> list[str]:
    """List what is unusual, each remark once."""
    return list(dict.fromkeys(remark for x in found for remark in x.remarks))


def sentence(found: Sequence[Examined]) -> str:
    """Sum up all images for the status line."""
    f1 = shown("f1", evaluation.mean([x.score for x in found])["f1"])
    images = "1 image" if len(found) == 1 else f"mean of {len(found)} images"
    said = [f"F1 {f1}, {images}; {sum(len(x.misses) for x in found)} vessels missed."]
    if any(x.pair.changed() for x in found):
        said.append("A layer's data was replaced meanwhile; these scores are of the former data.")
    unusual = remarks(found)
    said += unusual[:REMARKS]
    if len(unusual) > REMARKS:
        said.append(f"(More remarks: {len(unusual) - REMARKS}; hover here.)")
    return " ".join(said)
