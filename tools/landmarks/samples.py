"""Photographs to train the landmarks on, and random views of them."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from light import in_other_light
from photographs import circles, files, placed

from napari_saunetv2.files import read_image
from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.inference.framing import SIDE, SPAN, Framed, framed

FINER = 4
"""Photographs are kept at so many times the size that the network takes: views enlarge parts of them."""

JUDGED = ("_test.tif", "04_", "05_", "Image_11", "Image_12", "Image_13", "Image_14")
"""Parts of names of photographs that are never trained on; nor is any of STARE."""

FOVEA = 4.9
"""Disc radii from the disc to the fovea in an average eye."""

UNKNOWN = "?"


class Photograph(NamedTuple):
    """A framed photograph and what was placed in it, in pixels of the frame; None absent, "?" not placed."""

    name: str
    frame: Framed
    disc: tuple[float, float, float] | str | None
    fovea: tuple[float, float] | str | None
    eye: str
    weight: float = 1.0


WEIGHTS = {"DRIVE": 2.0, "HRF": 3.0, "CHASE_DB1": 1.0, "ORVS": 1.0, "ARIA": 1.3}
"""How often a photograph of a set is drawn: each camera should count."""


def photographs(data: Path) -> Iterator[Photograph]:
    """All photographs to train on or to validate with."""
    known, discs = placed(), circles(data)
    for name, weight in WEIGHTS.items():
        for path in files(data, name):
            key = (name, path.name)
            if key not in known or (name != "ARIA" and any(part in path.name for part in JUDGED)):
                continue
            disc, fovea, eye = known[key].disc, known[key].fovea, known[key].eye
            if key in discs:  # sources differ: the middle between them
                disc = tuple(np.mean(discs[key], axis=0))
            yield read(path, disc, fovea, eye)._replace(weight=weight)


def without(data: Path) -> Iterator[Photograph]:
    """Pictures of a retina that are no photographs in visible light: nothing is to be found in them."""
    for folder, every in (
        ("RAVIR/images", 2),
        ("OCTA/OCTA500_6M/train/images", 20),
        ("OCTA/ROSSA/train_manual/images", 10),
    ):
        for path in sorted(data.joinpath(folder).glob("*.png"))[::every]:
            yield read(path, None, None, UNKNOWN)


def read(path: Path, disc: object, fovea: object, eye: str) -> Photograph:
    """Read and frame a photograph."""
    unit = to_unit(read_image(path))
    frame = framed(unit, field_of_view.detect(unit), FINER)

    def own(at: object) -> object:
        if not isinstance(at, tuple):
            return at
        x, y, *r = at
        return ((x - frame.x) / frame.scale, (y - frame.y) / frame.scale, *(v / frame.scale for v in r))

    return Photograph(path.name, frame, own(disc), own(fovea), eye)


class View(NamedTuple):
    """A random view: picture (3, S, S); what is in it, and whether each is known.

    ``disc`` and ``fovea`` are maps (S, S); the fovea's sums to 1, or to 0 where there is none in view.
    """

    picture: torch.Tensor
    inside: torch.Tensor
    disc: torch.Tensor
    fovea: torch.Tensor
    right: float
    known: tuple[float, float, float]


HALF = (SIDE - 1) / 2

ROWS, COLUMNS = torch.meshgrid(torch.arange(SIDE * 1.0), torch.arange(SIDE * 1.0), indexing="ij")


SIZES = ((0.92, 1.12), (0.45, 0.9), (0.35, 0.9))
"""Sizes of a view as shares of the field: the whole, a smaller field, a crop without a border."""


def view(photo: Photograph, draw: np.random.Generator) -> View:
    """Draw a view: a part of the photograph, turned, mirrored, and in other light."""
    full = SPAN * FINER / 2
    middle = (SIDE * FINER - 1) / 2
    kind = draw.choice(3, p=(0.5, 0.33, 0.17))
    size = draw.uniform(*SIZES[kind])
    away = draw.uniform(0, 0.12 if kind == 0 else max(1 - size, 0.05)) * full
    towards = draw.uniform(0, 2 * math.pi)
    x, y = middle + away * math.cos(towards), middle + away * math.sin(towards)
    if kind and isinstance(photo.disc, tuple) and draw.random() < 0.4:  # as the second look at a disc is
        x, y = photo.disc[:2] + draw.normal(0, 0.5 * photo.disc[2], 2)
        size = min(draw.uniform(2.5, 5) * photo.disc[2] / full, 0.9)
    turn = draw.normal(0, 10) if draw.random() < 0.7 else draw.uniform(-35, 35)
    mirror = -1 if draw.random() < 0.5 else 1
    pose = Pose(x, y, size * FINER, turn * math.pi / 180, mirror)
    got = pose.seen(photo.frame)
    field = torch.ones(SIDE, SIDE)
    if kind == 1:
        field = (SPAN / 2 + 0.5 - torch.hypot(COLUMNS - HALF, ROWS - HALF)).clamp(0, 1)
    if kind == 2:
        wide, high = SPAN / 2, SPAN / 2 * draw.uniform(0.7, 1)
        field = (((COLUMNS - HALF).abs() <= wide) & ((ROWS - HALF).abs() <= high)).float()
    elif draw.random() < 0.2:
        field = field * ((ROWS - HALF).abs() <= SPAN / 2 * draw.uniform(0.65, 0.95))
    inside = got[3] * field
    disc, fovea, known = targets(photo, pose, inside)
    right = float((photo.eye == "left") == (mirror == 1))  # the temporal side is on the right
    knows_eye = float(photo.eye != UNKNOWN and bool(disc.sum() > 0 or fovea.sum() > 0))
    picture = in_other_light(got[:3], inside, draw)
    return View(picture, inside, disc, fovea, right, (*known, knows_eye))


class Pose(NamedTuple):
    """Where a view looks: its middle and scale in pixels of the frame, its turn, and -1 where mirrored."""

    x: float
    y: float
    scale: float
    turn: float
    mirror: int

    def seen(self, frame: Framed) -> torch.Tensor:
        """Picture and share in view, shape (4, S, S)."""
        cos, sin = self.scale * math.cos(self.turn), self.scale * math.sin(self.turn)
        grid = torch.arange(2 * SIDE) / 2 - 0.25 - HALF
        v, u = torch.meshgrid(grid, grid, indexing="ij")
        u = u * self.mirror
        columns, rows = self.x + cos * u - sin * v, self.y + sin * u + cos * v
        where = torch.stack([columns + 0.5, rows + 0.5], dim=-1) / (SIDE * FINER) * 2 - 1
        source = np.concatenate([frame.picture, frame.inside[..., None]], axis=2).transpose(2, 0, 1)
        got = F.grid_sample(torch.from_numpy(source)[None], where[None], align_corners=False)
        return F.avg_pool2d(got, 2)[0]

    def placed(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the frame lies in the view."""
        cos, sin = math.cos(self.turn) / self.scale, math.sin(self.turn) / self.scale
        dx, dy = x - self.x, y - self.y
        return HALF + self.mirror * (cos * dx + sin * dy), HALF - sin * dx + cos * dy


def share(x: float, y: float, r: float, inside: torch.Tensor) -> float:
    """Share of a circle that is in view."""
    within = ((COLUMNS - x) ** 2 + (ROWS - y) ** 2 <= r * r).float()
    return float((within * inside).sum() / max(math.pi * r * r, 1))


def targets(
    photo: Photograph, pose: Pose, inside: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, tuple[float, float]]:
    """Maps of disc and fovea, and 1 or 0 for whether each is known."""
    disc, fovea = torch.zeros(SIDE, SIDE), torch.zeros(SIDE, SIDE)
    knows_disc = knows_fovea = 1.0
    radius, expected = 4.5, None
    if photo.disc == UNKNOWN:
        knows_disc = 0.0
    elif isinstance(photo.disc, tuple):
        disc_x, disc_y, disc_r = photo.disc
        x, y = pose.placed(disc_x, disc_y)
        radius = disc_r / pose.scale
        part = share(x, y, radius, inside)
        if part > 0.4:
            disc = (radius + 0.5 - torch.hypot(COLUMNS - x, ROWS - y)).clamp(0, 1)
        elif part > 0.1:
            knows_disc = 0.0
        if photo.eye != UNKNOWN:
            side = 1 if photo.eye == "left" else -1
            expected = pose.placed(disc_x + side * FOVEA * disc_r, disc_y + 0.5 * disc_r)
    if photo.fovea == UNKNOWN:
        # Where it could be in view it is not known whether it is; where it could not, it is absent.
        knows_fovea = float(expected is not None and share(*expected, 2 * radius, inside) == 0)
    elif isinstance(photo.fovea, tuple):
        x, y = pose.placed(*photo.fovea)
        part = share(x, y, 0.4 * radius, inside)
        if part > 0.6:
            away = (COLUMNS - x) ** 2 + (ROWS - y) ** 2
            fovea = torch.exp(-away / (2 * max(0.2 * radius, 0.6) ** 2))
            fovea = fovea / fovea.sum()
        elif part > 0.1:
            knows_fovea = 0.0
    return disc, fovea, (knows_disc, knows_fovea)
