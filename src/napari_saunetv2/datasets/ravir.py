"""RAVIR: infrared images (SLO), grey, 768 x 768 pixels, one observer, no split, no masks."""

import re
from pathlib import Path

from napari_saunetv2.datasets._layout import Dataset, Identified
from napari_saunetv2.datasets._sample import Role

_NAME = re.compile(r"(?P<name>IR_Case_\d{3})\.png", re.IGNORECASE)
_ROLES: dict[str, Role] = {
    "images": "image",
    "training_images": "image",
    "labels": "labels",
    "training_masks": "labels",
}


def _identify(path: Path) -> Identified | None:
    match, role = _NAME.fullmatch(path.name), _ROLES.get(path.parent.name.lower())
    if match is None or role is None:  # photographs and labels have the same names
        return None
    return Identified(
        role=role,
        dataset="ravir",
        name=match["name"],
        subject=match["name"],
        eye=None,
        split=None,
        observer="manual" if role == "labels" else None,
    )


RAVIR = Dataset(
    key="ravir",
    title="RAVIR",
    citation="Hatamizadeh et al., IEEE Journal of Biomedical and Health Informatics 26(7):3272-3283, 2022",
    terms="CC BY-NC-SA 4.0",
    looks_like="images/ (IR_Case_011.png, ...) and labels/",
    folders=(*_ROLES, *(f"train/{folder}" for folder in _ROLES)),
    observers=("manual",),
    identify=_identify,
    missing={
        "labels": "labels/ should hold IR_Case_011.png, ...",
        "fov": "an infrared image fills its frame, so none is needed",
    },
    modality="infrared",
)
