"""The eye behind its vessels, and the camera before it."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_saunetv2.imaging.synthetic._anatomy import EYE, Floats, Frame, Points


def retina_of(rng: np.random.Generator, frame: Frame, field: Floats, fovea: Points, disc: Points) -> Floats:
    """The eye without its vessels, shape (H, W, 3), in grey levels."""
    red = rng.uniform(185, 232)
    green = red * rng.uniform(0.46, 0.56)
    colour = np.array([red, green, green * rng.uniform(0.5, 0.65)], np.float32)
    retina = colour * _shading(rng, frame, field)
    _add_choroid(rng, frame, retina)
    _add_macula(rng, frame, retina, fovea)
    _add_disc(rng, frame, retina, disc)
    return retina


def _noise(rng: np.random.Generator, frame: Frame, grain: float) -> Floats:
    """Smooth noise, shape (H, W), of zero mean and unit variance, with a grain in diameters of the field."""
    nodes = np.arange(-0.6, 0.6 + grain, grain)
    rows, columns = (
        np.exp(-(((np.clip(one, -0.6, 0.6)[:, None] - nodes) / grain) ** 2)) for one in (frame.y, frame.x)
    )
    rows, columns = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in (rows, columns))
    grid = rng.standard_normal((len(nodes), len(nodes)))
    smooth: Floats = rows.astype(np.float32) @ grid.astype(np.float32) @ columns.T.astype(np.float32)
    return smooth


def _shading(rng: np.random.Generator, frame: Frame, field: Floats) -> Floats:
    """Uneven illumination, shape (H, W, 3), about 1: the border loses red light, so it looks olive."""
    lost = (2 * field) ** np.float32(4)
    slow = [_noise(rng, frame, grain) for grain in (0.3, 0.3, 0.12)]
    shared = 0.06 * slow[0] + 0.025 * slow[2]
    return np.stack(
        [1.06 + shared + 0.06 * slow[1] - 0.3 * lost, 1.02 + shared - 0.1 * lost, 1 + shared - 0.02 * lost],
        axis=-1,
    )


def _add_choroid(rng: np.random.Generator, frame: Frame, retina: Floats) -> None:
    """Mottle the retina with pigment and the faint orange network of the vessels behind it."""
    patchy = np.clip(0.6 + 0.5 * _noise(rng, frame, 0.2), 0, 1.5)
    network = 1 - 2 * np.minimum(np.abs(_noise(rng, frame, 0.03)), 1)
    mottle = _noise(rng, frame, 0.009) + 0.7 * _noise(rng, frame, 0.02)
    retina *= 1 + mottle[..., None] * np.array([0.01, 0.013, 0.017], np.float32)
    retina *= 1 + (patchy * network)[..., None] * np.array([0.022, 0.014, -0.008], np.float32)


def _add_macula(rng: np.random.Generator, frame: Frame, retina: Floats, fovea: Points) -> None:
    """Darken the macula, and its centre, the fovea, most."""
    distance = frame.distance(fovea)
    wide = 0.1 * np.exp(-((distance / 0.13) ** 2))
    pit = rng.uniform(0.14, 0.24) * np.exp(-((distance / 0.045) ** 2))
    retina *= 1 - (wide + pit)[..., None] * np.array([0.75, 1.1, 0.9], np.float32)


def _add_disc(rng: np.random.Generator, frame: Frame, retina: Floats, disc: Points) -> None:
    """Lay the optic disc over the retina: a glow about it, a soft rim, and a paler cup."""
    distance = frame.distance(disc, aspect=1.04) * (1 + 0.03 * _noise(rng, frame, 0.06))
    glow = 0.16 * np.exp(-np.maximum(distance - EYE.disc, 0) / 0.05)
    retina *= 1 + glow[..., None] * np.array([0.5, 1, 0.7], np.float32)
    cup = frame.distance(disc - [rng.uniform(0.006, 0.018), 0]) * (1 + 0.08 * _noise(rng, frame, 0.04))
    rim_colour = np.array([250, rng.uniform(170, 200), rng.uniform(95, 120)], np.float32)
    cup_colour = np.array([255, 238, rng.uniform(125, 160)], np.float32)
    for within, size, soft, colour in (
        (distance, EYE.disc, 0.004, rim_colour),
        (cup, rng.uniform(0.45, 0.62) * EYE.disc, 0.011, cup_colour),
    ):
        share = 1 / (1 + np.exp(np.clip((within - size) / soft, -30, 30)))
        retina += share[..., None] * (colour * (1 + 0.03 * _noise(rng, frame, 0.02))[..., None] - retina)


def photograph_of(rng: np.random.Generator, retina: Floats, field: Floats, scale: float) -> NDArray[np.uint8]:
    """What a camera makes of the eye: blur, a round stop with a soft dark border, and sensor noise."""
    blur = EYE.blur * math.sqrt(max(scale, 270) / 540)
    black = np.array(EYE.black, np.float32)
    seen = ndimage.gaussian_filter(retina, (blur, blur, 0), truncate=3)
    soft = 2.5 * max(scale / 540, 0.4)
    lit = np.clip((0.5 - field) * scale / soft, 0, 1)[..., None]
    noise = rng.standard_normal(retina.shape, np.float32) * np.float32(EYE.noise)
    levels = black + lit * (seen - black) + noise * (0.3 + 0.7 * lit)
    image: NDArray[np.uint8] = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return image
