"""ARIA: 142 healthy and diseased eyes, 768 x 576 pixels, one observer, no split, no masks."""

from napari_saunetv2.datasets._layout import Dataset
from napari_saunetv2.datasets._numbered import Part, folders_of, identifier

_PARTS = (Part(range(500, 642)),)

ARIA = Dataset(
    key="aria",
    title="ARIA",
    citation="Farnell et al., Journal of the Franklin Institute 345(7):748-765, 2008",
    terms="research only",
    looks_like="images/ (500.jpg, ...) and labels/ (500.png, ...)",
    folders=folders_of(_PARTS),
    observers=("manual",),
    identify=identifier("aria", _PARTS),
    missing={
        "labels": "labels/ should hold 500.png, ...",
        "fov": "the data set has none, so use the detected one",
    },
    size=(768, 576),
)
