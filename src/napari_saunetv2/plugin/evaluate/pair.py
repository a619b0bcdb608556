"""A prediction beside its truth, apart from their layers: a worker reads them while layers come and go."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from napari.layers import Layer

from napari_saunetv2.evaluation import Case
from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.imaging.ignored import judged
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.plugin.common.part import Part


@dataclass(frozen=True, eq=False)
class PredictionPair:
    """A prediction and its reference labels.

    Attributes
    ----------
    layer : Layer
        The prediction's layer; only the GUI thread may use it.
    names : list of str
        Names of its planes.
    indices : list of tuple of int
        Indices of the planes in the layer.
    prediction, truth : Part
    second : Part or None
        The second observer's labels.
    inside, photograph : Part or None
        The field of view, or the photograph in which to detect it.
    threshold : float
    model : str
        What made the prediction, for tables: the model, where Segment noted it, else the layer's name.
    not_used : str
        What Segment does beside the threshold to draw its vessels, and a score does not; else "".
    by_class : bool
        Whether prediction and reference are labels of arteries and veins, and scored as such.
    """

    layer: Layer
    names: list[str]
    indices: list[tuple[int, ...]]
    prediction: Part
    truth: Part
    second: Part | None
    inside: Part | None
    photograph: Part | None
    threshold: float
    model: str
    not_used: str = ""
    by_class: bool = False

    def changed(self) -> bool:
        """Whether the data of the prediction's layer was replaced."""
        return Part.of(self.layer).data is not self.prediction.data

    def cases(self) -> Iterator[tuple[tuple[int, ...], Case, Case | None]]:
        """Yield each plane's index, its case, and the second observer's case."""
        for name, index in zip(self.names, self.indices, strict=True):
            inside = None if self.inside is None else self.inside.plane(index)
            if self.photograph is not None:
                inside = field_of_view.detect(to_unit(self.photograph.plane(index)))
            truth = self.truth.plane(index)
            about = self.truth.name, self._fov()
            found = self.prediction.plane(index)
            classes = (judged(truth)[0], judged(found)[0]) if self.by_class else None
            case = Case(name, None, truth, found, self.threshold, inside, self.model, *about, classes=classes)
            second = None
            if self.second is not None:
                other = self.second.plane(index)
                second = Case(name, None, truth, other, self.threshold, inside, self.second.name, *about)
            yield index, case, second

    def code(self) -> list[str]:
        """Python code that makes the cases in napari's console, one line each."""
        lines = []
        for name, index in zip(self.names, self.indices, strict=True):
            inside = "None" if self.inside is None else self.inside.code(index)
            if self.photograph is not None:
                inside = f"field_of_view.detect(to_unit({self.photograph.code(index)}))"
            prediction, truth = self.prediction.code(index), self.truth.code(index)
            about = f"{self.model!r}, {self.truth.name!r}, {self._fov()!r}"
            lines.append(
                f"evaluation.Case({name!r}, None, {truth}, {prediction}, {self.threshold!r}, {inside}, "
                f"{about}{', classes=(' + truth + ', ' + prediction + ')' if self.by_class else ''})"
            )
        return lines

    def _fov(self) -> str:
        """What tables say of the field of view."""
        if self.photograph is not None:
            return "found"
        return "whole frame" if self.inside is None else self.inside.name


def as_python(some: Iterable[PredictionPair]) -> str:
    """Python code for napari's console that computes the same scores and prints the table."""
    lines = [line for one in some for line in one.code()]
    more = [
        "from napari_saunetv2.imaging import field_of_view",
        "from napari_saunetv2.imaging.intensity import to_unit",
    ]
    return "\n".join(
        [
            "import numpy as np",
            "from napari_saunetv2 import evaluation",
            *(more if any("field_of_view.detect" in line for line in lines) else []),
            "cases = [",
            *(f"    {line}," for line in lines),
            "]",
            "print(evaluation.as_csv([case.score() for case in cases]))",
        ]
    )
