"""A synthetic fundus photograph whose vessels are known exactly.

Places and lengths are in diameters of the field of view, measured from its centre: x towards the nose,
y downwards. The same seed therefore gives the same eye at every size.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_saunetv2.errors import SettingsError

Floats = NDArray[np.float32]
Points = NDArray[np.float64]


class Synthetic(NamedTuple):
    """A synthetic fundus photograph.

    Attributes
    ----------
    image : array, shape (H, W, 3), uint8
    vessels : array, shape (H, W), uint8, 0 or 1
        Exact: 1 where the distance to a centre line is less than the radius there.
    fov : array, shape (H, W), uint8, 0 or 1
    """

    image: NDArray[np.uint8]
    vessels: NDArray[np.uint8]
    fov: NDArray[np.uint8]


@dataclass(frozen=True)
class _Settings:
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


_S = _Settings()
_VEINS, _ARTERIES = 0, 1


@dataclass(frozen=True)
class _Frame:
    """Where the pixels lie: their coordinates along the rows and columns, and pixels per unit."""

    x: Points  # (W,)
    y: Points  # (H,)
    side: int  # 1 for a right eye, whose nasal side is on the right of the picture; -1 for a left eye
    scale: float

    def distance(self, centre: Points, aspect: float = 1.0) -> Floats:
        """Distance of every pixel to a place, shape (H, W); an aspect above 1 makes it taller than wide."""
        dx, dy = (self.x - centre[0]).astype(np.float32), (self.y - centre[1]).astype(np.float32)
        far: Floats = np.hypot(dx[None, :] * np.float32(aspect), dy[:, None] / np.float32(aspect))
        return far


@dataclass(frozen=True)
class _Tree:
    """Centre lines: every point but a root is joined to its parent, which comes before it."""

    points: Points  # (N, 2), x and y
    parents: NDArray[np.intp]  # (N,), -1 for a root
    widths: Points  # (N,)


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
    diameter = _S.field * min(shape) if fov_diameter is None else fov_diameter
    if min(shape) < 32 or not diameter >= 30:
        message = (
            f"{shape[0]} x {shape[1]} pixels with a field of view of {diameter:g} is too small for a fundus: "
            "give at least 32 x 32 pixels and a field of view of 30."
        )
        raise SettingsError(message)
    rng = np.random.default_rng(seed)
    frame = _frame(shape, diameter, side=int(rng.choice((-1, 1))))
    fovea = rng.normal(0, 0.012, 2)
    tilt = math.radians(rng.normal(6, 2.5))  # the fovea lies a little below the disc
    disc = fovea + _S.disc_to_fovea * np.array([math.cos(tilt), -math.sin(tilt)])

    vessels, passed = _vessels(rng, frame, fovea, disc)
    field = frame.distance(np.zeros(2))
    inside = field < 0.5
    retina = _retina(rng, frame, field, fovea, disc)
    for channel, share in enumerate(_S.absorption):
        retina[..., channel] *= passed**share
    return Synthetic(
        _photograph(rng, retina, field, frame.scale),
        (vessels & inside).astype(np.uint8),
        inside.astype(np.uint8),
    )


def _frame(shape: tuple[int, int], diameter: float, side: int) -> _Frame:
    height, width = shape
    x = (np.arange(width, dtype=np.float64) - (width - 1) / 2) / diameter
    y = (np.arange(height, dtype=np.float64) - (height - 1) / 2) / diameter
    return _Frame(side * x, y, side, diameter)


# -- vessels


def _vessels(
    rng: np.random.Generator, frame: _Frame, fovea: Points, disc: Points
) -> tuple[NDArray[np.bool_], Floats]:
    """Grow and draw both trees: where they are, and the share of green light they let pass, both (H, W)."""
    where = np.zeros((len(frame.y), len(frame.x)), bool)
    passed = np.ones(where.shape, np.float32)
    taken = np.empty((0, 2))
    for kind in (_VEINS, _ARTERIES):
        tree = _grow(rng, _trunks(rng, fovea, disc, kind), fovea, disc, taken, _S.calibre[kind])
        taken = tree.points  # arteries fill the gaps between veins
        depth, radius = _draw(tree, frame)
        where |= depth > 0
        passed = np.minimum(passed, 1 - _darkening(depth, radius, frame.scale, kind))
    # The nerve head throws back more light than the retina, so vessels stand out twice as much on it.
    passed **= 1 + np.exp(-((frame.distance(disc) / _S.disc) ** 4))
    return where, passed


def _trunks(rng: np.random.Generator, fovea: Points, disc: Points, kind: int) -> list[Points]:
    """Courses of the arcades, the nasal trunks and the macular vessels: of each, one above and one below.

    Veins run a little inside the arteries' arcades and leave the disc a little nasally of them.
    """
    veins = 1 if kind == _VEINS else -1
    arcades: list[Points] = []
    nasal: list[Points] = []
    macular: list[Points] = []
    for vertical in (-1, 1):
        start = disc + np.array([0.012 + 0.007 * veins, 0.004 * vertical])
        height = rng.uniform(0.27, 0.33) - 0.02 * veins
        far = height + rng.normal(0, 0.05, 2)
        bow = [
            (0.335 + 0.008 * veins, 0.1),
            (0.22 + 0.012 * veins, 0.215),
            (0.07, height),
            (-0.12, height),
            (-0.32, far[0]),
            (-0.55, far[1]),
        ]
        lean = rng.uniform(-0.02, 0.07)
        rise = [(0.005, 0.06), (0.02 + lean, 0.17), (0.03 + 1.5 * lean, 0.45)]
        inwards = [(0.3, 0.05), (0.2, 0.075), (0.1, 0.07)]
        for group, base, course, spread in (
            (arcades, fovea, bow, 0.012),
            (nasal, start, rise, 0.008),
            (macular, fovea, inwards, 0.012),
        ):
            corners = base + np.array(course) * [1, vertical] + rng.normal(0, spread, (len(course), 2))
            group.append(_wandering(rng, _through(np.vstack([start, corners]))))
    return [*arcades, *nasal, *macular]


def _through(corners: Points) -> Points:
    """Round a polygonal line off into a path of even steps."""
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))])
    even = np.arange(0, along[-1], _S.step)
    path = np.stack([np.interp(even, along, corners[:, axis]) for axis in (0, 1)], axis=1)
    smooth: Points = ndimage.gaussian_filter1d(path, 0.035 / _S.step, axis=0, mode="nearest")
    # Smoothing draws the end in; the path still starts where it should.
    smooth += (path[0] - smooth[0]) * np.exp(-even / 0.03)[:, None]
    return smooth


def _wandering(rng: np.random.Generator, path: Points) -> Points:
    """Make a smooth path tortuous; its start stays where it is."""
    noise = rng.standard_normal((2, *path.shape))
    for grain, one in zip((0.012, 0.04), noise, strict=True):
        sigma = grain / _S.step
        # A Gaussian filter leaves white noise of unit variance with 1 / (2 sigma sqrt(pi)).
        one[:] = ndimage.gaussian_filter1d(one, sigma, axis=0) * math.sqrt(2 * sigma * math.sqrt(math.pi))
    started = 1 - np.exp(-np.arange(len(path)) * _S.step / 0.03)
    # A short twig wanders less than a long vessel.
    amount = _S.wander * min(1, len(path) * _S.step / 0.12)
    wandered: Points = path + amount * (0.5 * noise[0] + noise[1]) * started[:, None]
    return wandered


def _grow(
    rng: np.random.Generator,
    trunks: list[Points],
    fovea: Points,
    disc: Points,
    avoid: Points,
    calibre: float,
) -> _Tree:
    """Grow twigs on the trunks, each into the widest gap of some, then give all their widths."""
    points, headings = np.empty((0, 2)), np.empty((0, 2))
    parents = np.empty(0, np.intp)

    def add(path: Points, parent: int) -> None:
        nonlocal points, headings, parents
        first = len(points)
        own = np.arange(first - 1, first - 1 + len(path))
        own[0] = parent
        steps = np.gradient(path, axis=0)
        points, parents = np.vstack([points, path]), np.concatenate([parents, own])
        headings = np.vstack([headings, steps / np.hypot(*steps.T)[:, None]])

    for trunk in trunks[:4]:
        add(trunk, -1)
    for count in range(_S.twigs):
        if count == _S.twigs // 3:  # the macular vessels come when the great ones have their branches
            for trunk in trunks[4:]:
                add(trunk, -1)
        tip = _widest_gap(rng, np.vstack([points[::3], avoid[::3]]), fovea, disc)
        start, path = _twig(rng, points, headings, tip, fovea)
        if len(path) > 3 and np.hypot(*(path - fovea).T).min() > _S.avascular:
            add(path, start)
    return _Tree(points, parents, calibre * _widths(parents))


def _widest_gap(rng: np.random.Generator, taken: Points, fovea: Points, disc: Points) -> Points:
    """Of some random places, the one that lies farthest from any vessel."""
    places = rng.uniform(-_S.reach, _S.reach, (40, 2))
    free = np.hypot(*places.T) < _S.reach
    free &= np.hypot(*(places - fovea).T) > 1.2 * _S.avascular
    free &= np.hypot(*(places - disc).T) > 1.5 * _S.disc
    gaps = np.hypot(*(places[:, None] - taken).transpose(2, 0, 1)).min(axis=1)
    best: Points = places[np.argmax(np.where(free, gaps, -1))]
    return best


def _twig(
    rng: np.random.Generator, points: Points, headings: Points, tip: Points, fovea: Points
) -> tuple[int, Points]:
    """Path to a tip from the vessel point that is near it and already runs towards it, with its index."""
    away = tip - points
    length = np.hypot(*away.T)
    ahead = (away * headings).sum(axis=1) / np.maximum(length, 1e-9)
    across = (points[:, 1] - fovea[1]) * (tip[1] - fovea[1]) < 0  # vessels hardly cross the raphe
    start = int(np.argmin(length * (1.9 - ahead + across)))
    reach = float(length[start])
    leaving = headings[start] + 0.5 * away[start] / max(reach, 1e-9)
    bend = points[start] + leaving * reach * rng.uniform(0.25, 0.4)
    t = np.linspace(0, 1, max(2, math.ceil(reach / _S.step)))[1:, None]
    path = (1 - t) ** 2 * points[start] + 2 * t * (1 - t) * bend + t**2 * tip
    return start, _wandering(rng, path) if len(path) > 3 else path


def _widths(parents: NDArray[np.intp]) -> Points:
    """Width at every point by Murray's law: its cube is proportional to the flow, which adds up at forks.

    A vessel also loses flow steadily on its way, to branches too thin to be seen.
    """
    flow = np.full(len(parents), _S.step / _S.drained)
    flow[np.setdiff1d(np.arange(len(parents)), parents)] += 1  # the tips
    for node in range(len(parents) - 1, -1, -1):
        if parents[node] >= 0:
            flow[parents[node]] += flow[node]
    widths: Points = _S.thinnest * np.cbrt(flow)
    return widths


def _draw(tree: _Tree, frame: _Frame) -> tuple[Floats, Floats]:
    """How deep every pixel lies inside a vessel, and the radius of that vessel, both (H, W) in pixels.

    Depth is the radius less the distance to the centre line: positive inside, and right up to a pixel
    outside, which is all that smooth edges need.
    """
    depth = np.full((len(frame.y), len(frame.x)), -np.inf, np.float32)
    radius = np.ones_like(depth)
    origin = np.array([frame.side * frame.x[0], frame.y[0]])
    places = (tree.points * [frame.side, 1] - origin) * frame.scale
    widths = tree.widths * frame.scale
    seen = (tree.parents >= 0) & (widths >= max(_S.visible * frame.scale, _S.visible_pixels))
    for node in np.flatnonzero(seen):
        # A line of a pixel's width or less would be broken by the pixel grid.
        _draw_segment(depth, radius, places[tree.parents[node]], places[node], max(widths[node] / 2, 0.6))
    return depth, radius


def _draw_segment(depth: Floats, radius: Floats, a: Points, b: Points, own: float) -> None:
    """Draw one straight piece of a vessel from a to b (x and y in pixels) into the maps of _draw."""
    low = np.maximum(np.floor(np.minimum(a, b) - own - 1), 0).astype(int)
    high = np.maximum(np.ceil(np.maximum(a, b) + own + 2), 0).astype(int)
    window = slice(low[1], high[1]), slice(low[0], high[0])
    height, width = depth[window].shape
    dx = np.arange(low[0], low[0] + width) - a[0]
    dy = (np.arange(low[1], low[1] + height) - a[1])[:, None]
    ex, ey = b - a
    along = np.clip((dx * ex + dy * ey) / max(ex * ex + ey * ey, 1e-12), 0, 1)
    deep = own - np.hypot(dx - along * ex, dy - along * ey)
    better = deep > depth[window]
    depth[window][better] = deep[better]
    radius[window][better] = own


def _darkening(depth: Floats, radius: Floats, scale: float, kind: int) -> Floats:
    """Share of green light that a tree takes, from the maps of _draw.

    Blood darkens most where the light's way through it is longest, but the wall of a wide vessel throws
    light back along its middle.
    """
    width = 2 * radius / scale
    shade = _S.darkness[kind] * width / (width + _S.half_dark)
    covered = np.clip(depth + 0.5, 0, 1)  # the share of the pixel that lies inside
    aside = np.clip(1 - depth / radius, 0, 1)
    chord = np.sqrt(1 - aside**2)
    wide = np.clip(width / _S.reflex_from - 1, 0, 1)
    reflex = _S.reflex[kind] * wide * np.exp(-((aside / 0.35) ** 2))
    taken: Floats = covered * shade * (0.45 + 0.55 * chord) * (1 - reflex)
    return taken


# -- the rest of the eye


def _retina(rng: np.random.Generator, frame: _Frame, field: Floats, fovea: Points, disc: Points) -> Floats:
    """The eye without its vessels, shape (H, W, 3), in grey levels."""
    red = rng.uniform(185, 232)
    green = red * rng.uniform(0.46, 0.56)
    colour = np.array([red, green, green * rng.uniform(0.5, 0.65)], np.float32)
    retina = colour * _shading(rng, frame, field)
    _add_choroid(rng, frame, retina)
    _add_macula(rng, frame, retina, fovea)
    _add_disc(rng, frame, retina, disc)
    return retina


def _noise(rng: np.random.Generator, frame: _Frame, grain: float) -> Floats:
    """Smooth noise, shape (H, W), of zero mean and unit variance, with a grain in diameters of the field."""
    nodes = np.arange(-0.6, 0.6 + grain, grain)
    rows, columns = (
        np.exp(-(((np.clip(one, -0.6, 0.6)[:, None] - nodes) / grain) ** 2)) for one in (frame.y, frame.x)
    )
    rows, columns = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in (rows, columns))
    grid = rng.standard_normal((len(nodes), len(nodes)))
    smooth: Floats = rows.astype(np.float32) @ grid.astype(np.float32) @ columns.T.astype(np.float32)
    return smooth


def _shading(rng: np.random.Generator, frame: _Frame, field: Floats) -> Floats:
    """Uneven illumination, shape (H, W, 3), about 1: the border loses red light, so it looks olive."""
    lost = (2 * field) ** np.float32(4)
    slow = [_noise(rng, frame, grain) for grain in (0.3, 0.3, 0.12)]
    shared = 0.06 * slow[0] + 0.025 * slow[2]
    return np.stack(
        [1.06 + shared + 0.06 * slow[1] - 0.3 * lost, 1.02 + shared - 0.1 * lost, 1 + shared - 0.02 * lost],
        axis=-1,
    )


def _add_choroid(rng: np.random.Generator, frame: _Frame, retina: Floats) -> None:
    """Mottle the retina with pigment and the faint orange network of the vessels behind it."""
    patchy = np.clip(0.6 + 0.5 * _noise(rng, frame, 0.2), 0, 1.5)
    network = 1 - 2 * np.minimum(np.abs(_noise(rng, frame, 0.03)), 1)
    mottle = _noise(rng, frame, 0.009) + 0.7 * _noise(rng, frame, 0.02)
    retina *= 1 + mottle[..., None] * np.array([0.01, 0.013, 0.017], np.float32)
    retina *= 1 + (patchy * network)[..., None] * np.array([0.022, 0.014, -0.008], np.float32)


def _add_macula(rng: np.random.Generator, frame: _Frame, retina: Floats, fovea: Points) -> None:
    """Darken the macula, and its centre, the fovea, most."""
    distance = frame.distance(fovea)
    wide = 0.1 * np.exp(-((distance / 0.13) ** 2))
    pit = rng.uniform(0.14, 0.24) * np.exp(-((distance / 0.045) ** 2))
    retina *= 1 - (wide + pit)[..., None] * np.array([0.75, 1.1, 0.9], np.float32)


def _add_disc(rng: np.random.Generator, frame: _Frame, retina: Floats, disc: Points) -> None:
    """Lay the optic disc over the retina: a glow about it, a soft rim, and a paler cup."""
    distance = frame.distance(disc, aspect=1.04) * (1 + 0.03 * _noise(rng, frame, 0.06))
    glow = 0.16 * np.exp(-np.maximum(distance - _S.disc, 0) / 0.05)
    retina *= 1 + glow[..., None] * np.array([0.5, 1, 0.7], np.float32)
    cup = frame.distance(disc - [rng.uniform(0.006, 0.018), 0]) * (1 + 0.08 * _noise(rng, frame, 0.04))
    rim_colour = np.array([250, rng.uniform(170, 200), rng.uniform(95, 120)], np.float32)
    cup_colour = np.array([255, 238, rng.uniform(125, 160)], np.float32)
    for within, size, soft, colour in (
        (distance, _S.disc, 0.004, rim_colour),
        (cup, rng.uniform(0.45, 0.62) * _S.disc, 0.011, cup_colour),
    ):
        share = 1 / (1 + np.exp(np.clip((within - size) / soft, -30, 30)))
        retina += share[..., None] * (colour * (1 + 0.03 * _noise(rng, frame, 0.02))[..., None] - retina)


def _photograph(rng: np.random.Generator, retina: Floats, field: Floats, scale: float) -> NDArray[np.uint8]:
    """What a camera makes of the eye: blur, a round stop with a soft dark border, and sensor noise."""
    blur = _S.blur * math.sqrt(max(scale, 270) / 540)
    black = np.array(_S.black, np.float32)
    seen = ndimage.gaussian_filter(retina, (blur, blur, 0), truncate=3)
    soft = 2.5 * max(scale / 540, 0.4)
    lit = np.clip((0.5 - field) * scale / soft, 0, 1)[..., None]
    noise = rng.standard_normal(retina.shape, np.float32) * np.float32(_S.noise)
    levels = black + lit * (seen - black) + noise * (0.3 + 0.7 * lit)
    image: NDArray[np.uint8] = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return image
