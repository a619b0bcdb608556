"""STARE: 20 photographs of 700 x 605 pixels, two observers (ah is the reference), no official split or mask."""

import re
from pathlib import Path

from napari_saunetv2.datasets._sample import Dataset, Identified

_NAME = re.compile(r"(?P<name>im\d{4})(?:\.(?P<observer>ah|vk))?\.ppm(?:\.gz)?", re.I)


def _identify(path: Path) -> Identified | None:
    match = _NAME.fullmatch(path.name)
    if match is None or "fov_mask" in path.parent.name:  # masks by others bear the photographs' names
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
    citation="Hoover et al., IEEE Transactions on Medical Imaging 19(3), 2000",
    terms="research only",
    looks_like="stare-images/, labels-ah/ and labels-vk/ with im0001.ppm.gz, im0001.ah.ppm.gz, ...",
    observers=("ah", "vk"),
    identify=_identify,
)
