"""Our numbers beside those of VascX on its own sample masks, by its formulas."""

import re
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_saunetv2.files import read_image
from napari_saunetv2.measure import measure
from napari_saunetv2.measure.names import under_names

KINDS = ("arteries", "veins")

SHOWN = {
    "lw_diam": ("width, mean by length", "same definition"),
    "lw_tort_dist": ("arc over chord, mean by length", "same definition"),
    "md_tort_dist": ("arc over chord, median of segments", "same definition"),
    "vd": ("vessel density in the field of view", "same definition"),
    "md_bifangle": ("branching angle, median", "VascX starts at the node"),
    "md_diam": (
        "width, median of segments",
        "a short segment counts as much as a long one, so the value depends on where each program cuts "
        "vessels into segments: compare the mean by length",
    ),
}
"""Column of VascX; what it is, and why ours may differ."""


def field(bounds: str, side: int) -> NDArray[np.bool_]:
    """The photograph's field, shape (side, side): a circle that fills the frame, cut off by the photograph.

    Parameters
    ----------
    bounds : str
        Size, centre and radius as VascX writes them, in pixels of the photograph.
    side : int
        Of the mask, pixels.
    """
    height, width = map(int, re.findall(r"'hw': \((\d+), (\d+)\)", bounds)[0])
    x, y, radius = (float(n) for n in re.findall(r"float64\(([\d.]+)\)", bounds)[:3])
    across = (np.arange(side) + 0.5) / side * 2 - 1
    row, column = y + across[:, None] * radius, x + across * radius
    round_field = np.hypot(across[:, None], across) <= 1
    return round_field & (row >= 0) & (row < height) & (column >= 0) & (column < width)


def compared(data: Path) -> Generator[str, None, list[str]]:
    """Table of relative differences over samples and classes."""
    folder = data / "VascX_reference"
    tables = [pd.read_csv(folder / f"{name}.csv", index_col=0) for name in ("od_centered", "full")]
    bounds = pd.read_csv(folder / "meta.csv", index_col=0).bounds
    found: dict[str, list[float]] = {key: [] for key in SHOWN}
    for path in sorted((folder / "av").glob("*.png")):
        classes = read_image(path)
        arteries, veins = np.isin(classes, (1, 3)), np.isin(classes, (2, 3))
        fov = field(bounds[path.stem], classes.shape[0])
        result = measure(arteries | veins, arteries=arteries, veins=veins, fov=fov)
        ours = under_names(result, "vascx")
        for key, values in found.items():
            for kind in KINDS:
                column = f"{key}_{kind}"
                theirs = next(t.loc[path.stem, column] for t in tables if column in t)
                values.append(100 * (ours[column] / theirs - 1))
        yield f"VascX, {path.stem}"
    lines = ["| measure | difference, median | range | within 3 % | why |", "|---|---|---|---|---|"]
    for key, (title, why) in SHOWN.items():
        values = np.array(found[key])
        near = f"{np.count_nonzero(np.abs(values) <= 3)} of {np.count_nonzero(np.isfinite(values))}"
        spread = f"{np.nanmin(values):.1f} to {np.nanmax(values):.1f} %"
        lines.append(f"| {title} | {np.nanmedian(values):.1f} % | {spread} | {near} | {why} |")
    return lines
