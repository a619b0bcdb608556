"""What kind of picture layers are of."""

from napari.layers import Layer

from napari_saunetv2.datasets import DATASETS

MODALITY = "modality"
"""Key in a result's metadata: that of the model that made it."""


def modality_of(*layers: Layer | None) -> str:
    """Tell what kind of picture layers are of: a key of ``imaging.modality.MODALITIES``.

    Segment notes that of its model, and of files of a known data set it is the data set's; else they are
    taken for fundus photographs.
    """
    for layer in layers:
        about = {} if layer is None else layer.metadata
        if MODALITY in about:
            return str(about[MODALITY])
        if about.get("dataset") in DATASETS:
            return DATASETS[about["dataset"]].modality
    return "fundus"
