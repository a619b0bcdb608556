"""Segmentation: from an image to the vessel probability of each pixel."""

from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.inference.passes import (
    FREEZE_FROM,
    Progress,
    most_probable,
    planned,
    resolved,
    steps,
    views,
)
from napari_saunetv2.inference.segmentation import (
    Model,
    binarise,
    check_threshold,
    predict,
    predict_steps,
    segment,
    segment_classes,
    threshold_of,
)

__all__ = [
    "FREEZE_FROM",
    "InferenceConfig",
    "Model",
    "Progress",
    "binarise",
    "check_threshold",
    "most_probable",
    "planned",
    "predict",
    "predict_steps",
    "resolved",
    "segment",
    "segment_classes",
    "steps",
    "threshold_of",
    "views",
]
