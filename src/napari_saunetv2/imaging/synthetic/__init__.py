"""A synthetic fundus photograph whose vessels are known exactly.

All is measured in diameters of the field of view: the same seed gives the same eye at every size.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.errors import SettingsError
from napari_saunetv2.imaging.classes import merged
from napari_saunetv2.imaging.synthetic._anatomy import EYE, frame_of
from napari_saunetv2.imaging.synthetic._retina import photograph_of, retina_of
from napari_saunetv2.imaging.synthetic._vessels import vessels_of


class Synthetic(NamedTuple):
    """A synthetic fundus photograph.

    Attributes
    ----------
    image : array, shape (H, W, 3), uint8
    vessels : array, shape (H, W), uint8, 0 or 1
        Exact: 1 where the distance to a centre line is less than the radius there.
    fov : array, shape (H, W), uint8, 0 or 1
    labels : array, shape (H, W), uint8
        1 artery, 2 vein, 3 both: where they cross.
    disc : (float, float, float)
        Centre of the optic disc, x and y, and its radius, in pixels.
    fovea : (float, float)
        Its centre, x and y, in pixels.
    """

    image: NDArray[np.uint8]
    vessels: NDArray[np.uint8]
    fov: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    disc: tuple[float, float, float]
    fovea: tuple[float, float]


def fundus(
    shape: tuple[int, int] = (584, 565), seed: int = 0, *, fov_diameter: float | None = None
) -> Synthetic:
    """Make a synthetic colour fundus photograph, its exact vessels and its field of view.

    Two trees, of veins and of arteries, leave the optic disc in two arcades about the macula and two nasal
    trunks [1]_. Branches grow one after another into the widest gap from the best placed vessel, much as in
    constrained constructive optimisation [2]_; widths follow Murray's law [3]_.

    Parameters
    ----------
    shape : (int, int)
        Height and width in pixels, from 32 x 32 up.
    seed : int
        Chooses the eye. The same shape and seed always give the same picture.
    fov_diameter : float, optional
        In pixels; by default just inside the shorter side. A larger field of view is cut by the frame.

    Returns
    -------
    Synthetic
        Image (H, W, 3), vessels and field of view (H, W), all uint8.

    Raises
    ------
    SettingsError
        If the shape or the diameter is too small to hold a fundus.

    References
    ----------
    .. [1] Foracchia, Grisan, Ruggeri (2004), IEEE Trans. Med. Imaging 23, 1189: arcades as parabolas.
    .. [2] Schreiner, Buxbaum (1993), IEEE Trans. Biomed. Eng. 40, 482.
    .. [3] Murray (1926), PNAS 12, 207: at a fork the cube of the parent's radius is the sum of the cubes of
       the children's.
    """
    diameter = EYE.field * min(shape) if fov_diameter is None else fov_diameter
    if min(shape) < 32 or not diameter >= 30:
        message = (
            f"{shape[0]} x {shape[1]} pixels with a field of view of {diameter:g} is too small for a fundus: "
            "give at least 32 x 32 pixels and a field of view of 30."
        )
        raise SettingsError(message)
    rng = np.random.default_rng(seed)
    frame = frame_of(shape, diameter, side=int(rng.choice((-1, 1))))
    fovea = rng.normal(0, 0.012, 2)
    tilt = math.radians(rng.normal(6, 2.5))  # the fovea lies a little below the disc
    disc = fovea + EYE.disc_to_fovea * np.array([math.cos(tilt), -math.sin(tilt)])

    (veins, arteries), passed = vessels_of(rng, frame, fovea, disc)
    field = frame.distance(np.zeros(2))
    inside = field < 0.5
    retina = retina_of(rng, frame, field, fovea, disc)
    for channel, share in enumerate(EYE.absorption):
        retina[..., channel] *= passed**share
    return Synthetic(
        photograph_of(rng, retina, field, frame.scale),
        ((veins | arteries) & inside).astype(np.uint8),
        inside.astype(np.uint8),
        merged((arteries & inside, veins & inside)),
        (*frame.pixel(disc), EYE.disc * frame.scale),
        frame.pixel(fovea),
    )
