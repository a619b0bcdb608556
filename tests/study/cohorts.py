"""A tree of synthetic photographs in which everything occurs: cameras, damage, DICOM, what is no fundus."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from napari_saunetv2.imaging.synthetic import fundus
from oddfiles import dicoms

SIDES = {"right": "OD", "left": "OS"}


@dataclass(frozen=True)
class Camera:
    """How a camera shows an eye, and what it writes."""

    shape: tuple[int, int]
    form: str
    field: float | None = None
    brightness: float = 1.0
    grey: bool = False


CAMERAS = (
    Camera((96, 104), "png"),
    Camera((120, 110), "jpg", brightness=0.7),
    Camera((90, 130), "tif"),
    Camera((100, 100), "dcm", field=130.0),
    Camera((96, 96), "bmp", brightness=1.2),
)


def tree(folder: Path, count: int, *, patients: int) -> list[dict[str, str]]:
    """Make a tree of so many photographs, and the rows of its sheet.

    Every 20th file is damaged, and every 17th is noise or a page of text; two files are no photographs.
    """
    rows = []
    for number in range(count):
        camera = CAMERAS[number % len(CAMERAS)]
        patient, visit = f"Surname{number % patients:03d}_Ada", f"2024-0{1 + number // patients % 9}-11"
        eye = ("right", "left")[number % 2]
        name = f"{patient}/{visit}/{SIDES[eye]}_{number:03d}.{camera.form}"
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_file(camera, number))
        rows.append({"file": name, "patient": patient, "eye": eye, "date": visit})
    (folder / "readme.txt").write_text("not a photograph")
    (folder / "report.heic").write_bytes(b"nor this")
    return rows


def _file(camera: Camera, number: int) -> bytes:
    if number % 20 == 4:
        return b"\x89PNG\r\n\x1a\n" + bytes(100)
    rng = np.random.default_rng(number)
    image = fundus(camera.shape, seed=number, fov_diameter=camera.field).image
    if number % 17 == 5:
        image = rng.integers(0, 256, image.shape).astype(np.uint8)
    image = np.clip(image * camera.brightness, 0, 255).astype(np.uint8)
    if camera.form == "dcm":
        return dicoms.stored(image, ImageLaterality="RL"[number % 2], AcquisitionDate="20240111")
    made = io.BytesIO()
    Image.fromarray(image).save(made, {"jpg": "JPEG", "tif": "TIFF"}.get(camera.form, camera.form))
    return made.getvalue()


def sheet(path: Path, rows: list[dict[str, str]]) -> Path:
    """Write the sheet."""
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path
