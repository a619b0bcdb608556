"""DRIVE: 40 photographs of 565 x 584 pixels, official fields of view, two observers on the test half."""

import re
from pathlib import Path

from napari_saunetv2.datasets._sample import Dataset, Identified, Role

_NAME = re.compile(r"(?P<number>\d\d)_(?P<rest>(?:training|test)\.tif|manual[12]\.gif|(?:training|test)_mask\.gif)", re.I)


def _identify(path: Path) -> Identified | None:
    match = _NAME.fullmatch(path.name)
    if match is None or not 1 <= int(match["number"]) <= 40:
        return None
    number, rest = match["number"], match["rest"].lower()
    training = int(number) > 20
    role: Role = "labels" if rest.startswith("manual") else "fov" if "mask" in rest else "image"
    return Identified(
        role=role,
        dataset="drive",
        name=f"{number}_{'training' if training else 'test'}",
        subject=number,
        eye=None,
        split="train" if training else "test",
        observer={"manual1.gif": "1st", "manual2.gif": "2nd"}.get(rest),
    )


DRIVE = Dataset(
    key="drive",
    title="DRIVE",
    citation="Staal et al., IEEE Transactions on Medical Imaging 23(4), 2004",
    terms="research and education only",
    looks_like="training/ and test/, each with images/, 1st_manual/ and mask/",
    observers=("1st", "2nd"),
    identify=_identify,
)
