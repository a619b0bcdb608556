"""CHASE_DB1: both eyes of 14 children, 999 x 960 pixels, two observers, no official masks."""

import re
from pathlib import Path

from napari_saunetv2.datasets._layout import Dataset, Identified

_NAME = re.compile(
    r"Image_(?P<number>\d\d)(?P<side>[LR])(?:\.jpg|_(?P<observer>1st|2nd)HO\.png)", re.IGNORECASE
)


def _identify(path: Path) -> Identified | None:
    match = _NAME.fullmatch(path.name)
    if match is None or not 1 <= int(match["number"]) <= 14:
        return None
    number, side, observer = match["number"], match["side"].upper(), match["observer"]
    return Identified(
        role="labels" if observer else "image",
        dataset="chase",
        name=f"Image_{number}{side}",
        subject=number,
        eye="left" if side == "L" else "right",
        # The papers split by child, so that both eyes of a child are in the same half.
        split="train" if int(number) <= 10 else "test",
        observer=observer and f"{observer.lower()}HO",
    )


CHASE = Dataset(
    key="chase",
    title="CHASE_DB1",
    citation="Fraz et al., IEEE Transactions on Biomedical Engineering 59(9):2538-2548, 2012",
    terms="research only",
    looks_like="Image_01L.jpg, Image_01L_1stHO.png, Image_01L_2ndHO.png, ... in one folder",
    folders=("images", "labels"),
    observers=("1stHO", "2ndHO"),
    identify=_identify,
    missing={
        "labels": "Image_01L_1stHO.png, Image_01L_2ndHO.png, ... should be next to the photographs",
        "fov": "the data set has none, so use the detected one",
    },
)
