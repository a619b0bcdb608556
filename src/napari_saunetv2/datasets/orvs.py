"""ORVS: 48 photographs of 1444 x 1444 pixels, one observer, no split, no masks."""

from napari_saunetv2.datasets._layout import Dataset
from napari_saunetv2.datasets._numbered import Part, folders_of, identifier

_PARTS = (Part(range(2012, 2147)),)

_PAIRS = {2030: 2028, 2118: 2115, 2117: 2116}
"""These look like one subject each, so that they must not be on both sides of a split."""

ORVS = Dataset(
    key="orvs",
    title="ORVS",
    citation="Sarhan et al., International Conference on Pattern Recognition 2020, 9211-9218",
    terms="research only",
    looks_like="images/ (2012.jpg, ...) and labels/ (2012.png, ...)",
    folders=folders_of(_PARTS),
    observers=("manual",),
    identify=identifier("orvs", _PARTS, same_subject=_PAIRS),
    missing={
        "labels": "labels/ should hold 2012.png, ...",
        "fov": "the data set has none, so use the detected one",
    },
    size=(1444, 1444),
)
