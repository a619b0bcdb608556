"""Arteries and veins of HRF's photographs, in numbers: 1 artery, 2 vein, 3 takes no part."""

import re
from pathlib import Path

from napari_saunetv2.datasets._layout import Dataset, Identified
from napari_saunetv2.datasets.hrf import HRF

_NAME = re.compile(r"(?P<number>\d\d)_(?P<group>h|g|dr)_av_?manual\.(png|tif)", re.IGNORECASE)


def _identify(path: Path) -> Identified | None:
    match = _NAME.fullmatch(path.name)
    if match is None or not 1 <= int(match["number"]) <= 15:
        return None
    name = f"{match['number']}_{match['group'].lower()}"
    return Identified(
        role="labels",
        dataset="hrf-av",
        name=name,
        subject=name,
        eye=None,
        split="train" if int(match["number"]) <= 5 else "test",
        observer="av",
    )


HRF_AV = Dataset(
    key="hrf-av",
    title="HRF arteries and veins",
    citation="labels: Hemelings et al., Computerized Medical Imaging and Graphics 2019, doi "
    "10.1016/j.compmedimag.2019.05.004; photographs: Budai et al., International Journal of Biomedical "
    "Imaging 2013, 154860",
    terms="research only",
    looks_like="av/ (01_h_AVmanual.png, ...) beside HRF's images/ and mask/",
    folders=("av", "images", "mask"),
    observers=("av",),
    identify=_identify,
    missing={
        "labels": "av/ should hold 01_h_AVmanual.png, ...",
        "fov": "HRF's mask/ should hold 01_h_mask.tif, ...",
    },
    photographs=HRF,
    has_classes=True,
)
