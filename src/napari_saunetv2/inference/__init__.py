"""From an image to the probability that each of its pixels is a vessel."""

from napari_saunetv2.inference.frozen import frozen_run
from napari_saunetv2.inference.segmentation import (
    FREEZE_FROM,
    Model,
    Progress,
    TestTime,
    binarise,
    check,
    finished,
    passes,
    planned,
    segment,
    steps,
    threshold_of,
)

__all__ = [
    "FREEZE_FROM",
    "Model",
    "Progress",
    "TestTime",
    "binarise",
    "check",
    "finished",
    "frozen_run",
    "passes",
    "planned",
    "segment",
    "steps",
    "threshold_of",
]
