"""STARE: 20 photographs of 700 x 605 pixels, two observers (ah is the reference), no split, no masks."""

import re
from pathlib import Path

from napari_saunetv2.datasets._layout import Dataset, Identified

_NAME = re.compile(r"(?P<name>im\d{4})(?:\.(?P<observer>ah|vk))?\.ppm(?:\.gz)?", re.IGNORECASE)


def _identify(path: Path) -> Identified | None:
    match = _NAME.fullmatch(path.name)
    if (
        match is None or "fov_mask" in path.parent.name
    ):  # masks from other programs have the photographs' names
        return None
    name, observer = match["name"].lower(), match["observer"]
    return Identified(
        role="labels" if observer else "image",
        dataset="stare",
        name=name,
        subject=name,
        eye=None,
        split=None,
        observer=observer and observer.lower(),
    )


STARE = Dataset(
    key="stare",
    title="STARE",
    citation="Hoover et al., IEEE Transactions on Medical Imaging 19(3):203-210, 2000",
    terms="research only",
    looks_like="stare-images/ (im0001.ppm.gz or .ppm), labels-ah/ and labels-vk/, or all together",
    folders=("stare-images", "labels-ah", "labels-vk", "images", "labels"),
    observers=("ah", "vk"),
    identify=_identify,
    missing={
        "labels": "labels-ah/ and labels-vk/ should hold im0001.ah.ppm.gz, im0001.vk.ppm.gz, ...",
        "fov": "the data set has none, so use the detected one",
    },
)
