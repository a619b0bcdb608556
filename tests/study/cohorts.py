"""A tree of synthetic photographs in which everything occurs: cameras, damage, DICOM, what is no fundus."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

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


LOOKS = ("sharp", "blurred", "dark")
"""How photographs are taken, in turn; only where they are large enough for it to be seen."""


def look(number: int) -> str:
    """How a photograph of a large tree is taken, or what is wrong with its file."""
    return "damaged" if number % 20 == 4 else "noise" if number % 17 == 5 else LOOKS[number % 3]


def tree(folder: Path, count: int, *, patients: int, scale: int = 1) -> list[dict[str, str]]:
    """Make a tree of so many photographs, and the rows of its sheet.

    Every 20th file is damaged, and every 17th is noise; two files are no photographs. With a ``scale`` above
    1 photographs are so many times as large, and every third is blurred, and every third dark.
    """
    rows = []
    for number in range(count):
        camera = CAMERAS[number % len(CAMERAS)]
        patient, visit = f"Surname{number % patients:03d}_Ada", f"2024-0{1 + number // patients % 9}-11"
        eye = ("right", "left")[number % 2]
        name = f"{patient}/{visit}/{SIDES[eye]}_{number:03d}.{camera.form}"
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_file(camera, number, scale))
        rows.append({"file": name, "patient": patient, "eye": eye, "date": visit})
    (folder / "readme.txt").write_text("not a photograph")
    (folder / "report.heic").write_bytes(b"nor this")
    return rows


def _file(camera: Camera, number: int, scale: int) -> bytes:
    if look(number) == "damaged":
        return b"\x89PNG\r\n\x1a\n" + bytes(100)
    rng = np.random.default_rng(number)
    height, width = camera.shape
    field = camera.field and camera.field * scale
    image = fundus((height * scale, width * scale), seed=number, fov_diameter=field).image
    if scale > 1 and look(number) == "blurred":
        image = ndimage.gaussian_filter(image, (2.0 * scale, 2.0 * scale, 0))
    if scale > 1 and look(number) == "dark":
        image = image // 5
    if look(number) == "noise":
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
