"""DRIVE: 40 photographs of 565 x 584 pixels, official fields of view, two observers on the test half."""

import re
from pathlib import Path

from napari_saunetv2.datasets._layout import Dataset, Identified
from napari_saunetv2.datasets._sample import Role

_NAME = re.compile(
    r"(?P<number>\d\d)_(?:(?P<half>training|test)(?P<fov>_mask\.gif|\.tif)|manual(?P<observer>[12])\.gif)",
    re.IGNORECASE,
)
_OBSERVERS = {"1": "1st", "2": "2nd"}
_PARTS = ("images", "1st_manual", "2nd_manual", "mask")


def _identify(path: Path) -> Identified | None:
    match = _NAME.fullmatch(path.name)
    if match is None or not 1 <= int(match["number"]) <= 40:
        return None
    number, observer = match["number"], _OBSERVERS.get(match["observer"])
    half = "training" if int(number) > 20 else "test"  # the name of a label file does not say
    if (match["half"] or half).lower() != half:
        return None
    role: Role = "labels" if observer else "image" if match["fov"].lower() == ".tif" else "fov"
    return Identified(
        role=role,
        dataset="drive",
        name=f"{number}_{half}",
        subject=number,
        eye=None,
        split="train" if half == "training" else "test",
        observer=observer,
    )


DRIVE = Dataset(
    key="drive",
    title="DRIVE",
    citation="Staal et al., IEEE Transactions on Medical Imaging 23(4):501-509, 2004",
    terms="research and education only",
    looks_like="training/ and test/, each with images/ (21_training.tif, ...), 1st_manual/ and mask/",
    folders=(*_PARTS, *(f"{half}/{part}" for half in ("training", "test") for part in _PARTS)),
    observers=("1st", "2nd"),
    identify=_identify,
    missing={
        "labels": "the official download has no test labels (NN_manual1.gif in test/1st_manual/), and the "
        "second observer drew on the test half only",
        "fov": "its mask/ should hold NN_training_mask.gif or NN_test_mask.gif",
    },
)
