"""RITE: arteries and veins of DRIVE's 40 photographs, in colours."""

import re
from pathlib import Path

from napari_saunetv2.datasets._layout import Dataset, Identified
from napari_saunetv2.datasets.drive import DRIVE

_NAME = re.compile(r"(?P<number>\d\d)_(?P<half>training|test)\.png", re.IGNORECASE)
_PARTS = ("av", "images", "mask")


def _identify(path: Path) -> Identified | None:
    match = _NAME.fullmatch(path.name)
    if match is None or path.parent.name.lower() not in ("training", "test", "av"):
        return None  # elsewhere DRIVE's photographs, saved as PNG, have such names
    number, half = match["number"], match["half"].lower()
    if int(number) not in (range(21, 41) if half == "training" else range(1, 21)):
        return None
    return Identified(
        role="labels",
        dataset="rite",
        name=f"{number}_{half}",
        subject=number,
        eye=None,
        split="train" if half == "training" else "test",
        observer="av",
    )


RITE = Dataset(
    key="rite",
    title="RITE",
    citation="Hu et al., MICCAI 2013, LNCS 8150:436-443",
    terms="research and education only, as DRIVE",
    looks_like="training/ and test/ with 21_training.png, ... beside the photographs of DRIVE",
    folders=(
        *("training", "test", "images", "av", "mask"),
        *(f"{half}/{part}" for half in ("training", "test") for part in _PARTS),
    ),
    observers=("av",),
    identify=_identify,
    missing={
        "labels": "training/ and test/ should hold 21_training.png, ..., 01_test.png, ...",
        "fov": "DRIVE's mask/ should hold NN_training_mask.gif or NN_test_mask.gif",
    },
    photographs=DRIVE,
    has_classes=True,
)
