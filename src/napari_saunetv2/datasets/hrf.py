"""HRF: healthy, glaucomatous and diabetic eyes, 3504 x 2336 pixels, one observer, official masks."""

import re
from pathlib import Path

from napari_saunetv2.datasets._layout import Dataset, Identified
from napari_saunetv2.datasets._sample import Role

_NAME = re.compile(r"(?P<number>\d\d)_(?P<group>h|g|dr)(?P<rest>\.jpg|\.tif|_mask\.tif)", re.IGNORECASE)
_ROLES: dict[str, Role] = {".jpg": "image", ".tif": "labels", "_mask.tif": "fov"}


def _identify(path: Path) -> Identified | None:
    match = _NAME.fullmatch(path.name)
    if match is None or not 1 <= int(match["number"]) <= 15:
        return None
    name, role = f"{match['number']}_{match['group'].lower()}", _ROLES[match["rest"].lower()]
    return Identified(
        role=role,
        dataset="hrf",
        name=name,
        subject=name,
        eye=None,
        # The first five of each group, as in the papers that train on HRF.
        split="train" if int(match["number"]) <= 5 else "test",
        observer="manual1" if role == "labels" else None,
    )


HRF = Dataset(
    key="hrf",
    title="HRF",
    citation="Budai et al., International Journal of Biomedical Imaging 2013, 154860",
    terms="research only",
    looks_like="images/ (01_h.jpg, ...), manual1/ (01_h.tif, ...) and mask/ (01_h_mask.tif, ...)",
    folders=("images", "manual1", "mask"),
    observers=("manual1",),
    identify=_identify,
    missing={
        "labels": "manual1/ should hold 01_h.tif, ...",
        "fov": "mask/ should hold 01_h_mask.tif, ...",
    },
)
