"""Measures of the eye, and where its parts lie in the picture.

Places and lengths are in diameters of the field of view, measured from its centre: x towards the nose,
y downwards.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Points = NDArray[np.float64]


@dataclass(frozen=True)
class Settings:
    """Lengths in diameters of the field of view: 45 degrees, about 13 mm of retina."""

    field: float = 0.955
    """Diameter of the field of view as a share of the shorter side; 540 of 565 pixels in DRIVE."""
    disc: float = 0.07
    """Radius of the optic disc, which is about 1.8 mm across (Quigley et al. 1990)."""
    disc_to_fovea: float = 0.365
    """2.6 disc diameters (Jonas et al. 2015: 4.8 mm between the centres)."""
    avascular: float = 0.055
    """Radius about the fovea that no visible vessel enters."""
    reach: float = 0.53
    """Vessels are grown out to here, past the border, so that they run out of the picture."""
    step: float = 0.006
    """Between neighbouring points of a centre line."""
    twigs: int = 64
    """Branches grown on the trunks of one tree."""
    wander: float = 0.0055
    """Standard deviation of a path about its smooth course."""
    thinnest: float = 1.65 / 540
    """Width of a vessel at its tip."""
    drained: float = 0.018
    """Length of vessel that takes as much blood as a tip."""
    visible: float = 1.2 / 540
    """Thinner vessels are left out."""
    visible_pixels: float = 0.75
    """Likewise in pixels, for small pictures."""
    calibre: tuple[float, float] = (0.86, 0.71)
    """Relative width of veins and arteries; arteries are the narrower ones (Hubbard et al. 1999)."""
    darkness: tuple[float, float] = (0.95, 0.85)
    """Light that a very wide vein or artery takes from the green channel, as a share."""
    half_dark: float = 12.0 / 540
    """Width at which a vessel is half as dark as a very wide one."""
    reflex: tuple[float, float] = (0.15, 0.4)
    """Strength of the central light reflex of wide veins and arteries, as a share of the darkness."""
    reflex_from: float = 2.5 / 540
    """Width from which a vessel shows a reflex; it is full at twice this width."""
    absorption: tuple[float, float, float] = (0.34, 1.0, 0.66)
    """Absorbance of vessels in red, green and blue relative to green; measured on DRIVE's training images."""
    blur: float = 0.55
    """Standard deviation of the blur in pixels in a field of 540; finer cameras are sharper."""
    noise: float = 1.9
    """Standard deviation of the sensor noise in grey levels, as in DRIVE."""
    black: tuple[float, float, float] = (8.0, 6.7, 6.9)
    """Grey levels outside the field of view, as in DRIVE."""


EYE = Settings()


@dataclass(frozen=True)
class Frame:
    """Where the pixels lie: their coordinates along the rows and columns, and pixels per unit."""

    x: Points  # (W,)
    y: Points  # (H,)
    side: int  # 1 for a right eye, whose nasal side is on the right of the picture; -1 for a left eye
    scale: float

    def pixel(self, place: Points) -> tuple[float, float]:
        """Column and row of a place, in pixels."""
        origin = np.array([self.side * self.x[0], self.y[0]])
        column, row = (place * [self.side, 1] - origin) * self.scale
        return float(column), float(row)

    def distance(self, centre: Points, aspect: float = 1.0) -> Floats:
        """Distance of every pixel to a place, shape (H, W); an aspect above 1 makes it taller than wide."""
        dx, dy = (self.x - centre[0]).astype(np.float32), (self.y - centre[1]).astype(np.float32)
        far: Floats = np.hypot(dx[None, :] * np.float32(aspect), dy[:, None] / np.float32(aspect))
        return far


def frame_of(shape: tuple[int, int], diameter: float, side: int) -> Frame:
    height, width = shape
    x = (np.arange(width, dtype=np.float64) - (width - 1) / 2) / diameter
    y = (np.arange(height, dtype=np.float64) - (height - 1) / 2) / diameter
    return Frame(side * x, y, side, diameter)
