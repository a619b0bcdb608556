"""Draw photographs with a grid of their own pixels, to place discs and foveas by eye.

    python tools/landmarks/sheets.py ../shared/data CHASE_DB1 -o /tmp/sheets [--points POINTS.csv]

Each sheet has six photographs; what the table has for them is drawn as a circle and a cross. The sheets show
photographs of data sets whose terms allow no copies: keep them out of the repository.
"""

import argparse
from pathlib import Path

import numpy as np
from photographs import POINTS, Placed, files, placed
from PIL import Image, ImageDraw

from napari_saunetv2.files import read_image
from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.imaging.intensity import to_unit

SIDE = 520
"""Pixels of a photograph's field on a sheet."""

COLUMNS, ROWS = 3, 2

STEPS = (20, 25, 50, 100, 125, 200, 250, 500)
"""Native pixels between two lines of the grid."""


def tile(path: Path, known: Placed | None) -> Image.Image:
    """One photograph, its field enlarged and its contrast stretched."""
    unit = to_unit(read_image(path))
    fov = field_of_view.detect(unit)
    rows, columns = (np.flatnonzero(fov.any(axis=axis)) for axis in (1, 0))
    top, left = int(rows[0]), int(columns[0])
    height, width = int(rows[-1]) + 1 - top, int(columns[-1]) + 1 - left
    low, high = np.quantile(unit[fov], (0.005, 0.995), axis=0)
    level = np.clip((unit - low) / np.maximum(high - low, 1e-6), 0, 1) ** 0.8
    cut = (level[top : top + height, left : left + width] * 255).astype(np.uint8)
    scale = SIDE / max(height, width)
    picture = Image.new("RGB", (SIDE, SIDE + 14))
    picture.paste(Image.fromarray(cut).resize((round(width * scale), round(height * scale))), (0, 14))
    draw = ImageDraw.Draw(picture)
    step = next(s for s in STEPS if s * 11 >= max(height, width))
    for first, size, across in ((left, width, True), (top, height, False)):
        for value in range(-(-first // step) * step, first + size, step):
            at = (value - first) * scale + (0 if across else 14)
            line = [(at, 14), (at, SIDE + 14)] if across else [(0, at), (SIDE, at)]
            draw.line(line, fill=(90, 200, 255), width=1)
            draw.text((at + 2, 14) if across else (1, at), str(value), fill=(255, 255, 255))
    draw.text((2, 0), f"{path.name}", fill=(255, 255, 0))

    def place(x: float, y: float) -> tuple[float, float]:
        return (x - left) * scale, (y - top) * scale + 14

    if known and isinstance(known.disc, tuple):
        (x, y), r = place(*known.disc[:2]), known.disc[2] * scale
        draw.ellipse((x - r, y - r, x + r, y + r), outline=(0, 255, 0), width=1)
    if known and isinstance(known.fovea, tuple):
        x, y = place(*known.fovea)
        draw.line([(x - 9, y), (x + 9, y)], fill=(0, 255, 0))
        draw.line([(x, y - 9), (x, y + 9)], fill=(0, 255, 0))
    return picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("set")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--points", type=Path, default=POINTS)
    parser.add_argument("--match", default="")
    given = parser.parse_args()
    known = placed(given.points) if given.points.exists() else {}
    given.out.mkdir(parents=True, exist_ok=True)
    wanted = [path for path in files(given.data, given.set) if given.match in path.name]
    for number in range(-(-len(wanted) // (COLUMNS * ROWS))):
        some = wanted[number * COLUMNS * ROWS :][: COLUMNS * ROWS]
        sheet = Image.new("RGB", (COLUMNS * (SIDE + 6), ROWS * (SIDE + 20)))
        for index, path in enumerate(some):
            row, column = divmod(index, COLUMNS)
            picture = tile(path, known.get((given.set, path.name)))
            sheet.paste(picture, (column * (SIDE + 6), row * (SIDE + 20)))
        sheet.save(given.out / f"{given.set}_{given.match}{number:02}.png")


if __name__ == "__main__":
    main()
