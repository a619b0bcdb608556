"""Which layers Evaluate offers, and which of them are most likely meant."""

from typing import TYPE_CHECKING, Any

from napari.layers import Labels, Layer

from napari_saunetv2.plugin.common.class_colours import is_of_classes
from napari_saunetv2.plugin.common.layers import same_eye
from napari_saunetv2.plugin.common.roles import OF, ROLE
from napari_saunetv2.plugin.evaluate.form import AUTO, NONE
from napari_saunetv2.plugin.evaluate.pairing import is_prediction, is_truth, shape_of

if TYPE_CHECKING:
    from napari.components import ViewerModel


def predictions(viewer: "ViewerModel") -> list[Layer]:
    """List what can be a prediction."""
    return [x for x in viewer.layers if is_prediction(x)]


def truths(viewer: "ViewerModel") -> list[Layer]:
    """List what can be the truth."""
    return [x for x in viewer.layers if is_truth(x)]


def masks(viewer: "ViewerModel") -> list[Any]:
    """List what can be a second observer or a field of view: auto, none, and labels of others."""
    return [AUTO, NONE, *(x for x in viewer.layers if isinstance(x, Labels) and ROLE not in x.metadata)]


def likely_predictions(viewer: "ViewerModel") -> list[Layer]:
    """Give what Segment made last: a probability, or arteries and veins where a reference has them too."""
    found = [x for x in predictions(viewer) if x.metadata.get(ROLE) == "probability"][-1:]
    if any(map(is_of_classes, truths(viewer))):
        of = [x.metadata.get(OF) for x in found]
        mine = [x for x in predictions(viewer) if ROLE in x.metadata and is_of_classes(x)]
        found = [x for x in mine if x.metadata.get(OF) in of][-1:] or found
    return found


def likely_truths(viewer: "ViewerModel", prediction: Layer) -> list[Layer]:
    """Give the first labels that a reader says are an observer's, if they may be of the prediction's eye."""
    shape = shape_of(prediction)
    said = [x for x in truths(viewer) if x.metadata.get("role") == "labels" and shape_of(x) == shape]
    return [x for x in said if _may_be_of(viewer, prediction, x)][:1]


def _may_be_of(viewer: "ViewerModel", prediction: Layer, truth: Layer) -> bool:
    """Whether labels may be of the prediction's photograph: others would score it wrongly."""
    of = prediction.metadata.get(OF)
    photograph = next((x for x in viewer.layers if x.name == of), None)
    known = photograph is not None and photograph.metadata.get("dataset") is not None
    return not known or same_eye(photograph, truth)
