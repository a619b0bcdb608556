"""``register``: lay a photograph of an eye over another one of the same eye."""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.errors import RegistrationError
from napari_saunetv2.measure.centreline import Floats
from napari_saunetv2.progress import drain
from napari_saunetv2.visits import search
from napari_saunetv2.visits.agreement import Agreement, agreement, poor_parts
from napari_saunetv2.visits.fit import Centrelines, fit_deformation, fit_similarity, matches
from napari_saunetv2.visits.quadratic import Quadratic
from napari_saunetv2.visits.transform import ACROSS, Grid, Transform
from napari_saunetv2.visits.visit import Visit

FIELD = 565.0
"""Pixels across a field of view in which the distances below are given; others are in proportion."""

POSES = 8
"""Rough places that are followed up."""

SCALES = (0.55, 1.8)
"""Scales, relative to the fields of view, that two photographs of an eye may have to each other."""

FEW, MANY, MOST = 1200, 3000, 4000
"""Points on centre lines: to choose among rough places, to bend, and to find rough places by."""

NEARER = np.array([*np.linspace(16, 6, 12), 4, 4, 4, 4])
"""Distances within which a similarity looks for counterparts, one after another, pixels in ``FIELD``."""

BEND = [(12, 0.1)] * 4 + [(10, 0.03)] * 4 + [(8, 0.01)] * 4 + [(6, 0.005)] * 6 + [(3, 0.005)] * 6
"""The same for the deformation, with its stiffness. Found on DRIVE's photographs bent by up to 8 pixels."""

CLOSE = 5.0
"""Distance that counts as a match between rough places, pixels in ``FIELD``."""

REFUSED, DOUBTED = 0.6, 0.75
"""Confidence below which a registration is refused, and below which it is called poor. Photographs of
different eyes reached 0.45, two photographs of one eye 0.77 and more."""

SURE = 0.75
"""Share of the vessels that two photographs taken alike have in common: no other turn or scale is tried."""

SMALL = 0.3
"""Overlap below which there is a warning."""

LOOSE = 1.5
"""Residual, pixels in ``FIELD``, above which there is a warning."""

BENT = 1.5
"""Bending beyond a quadratic map, pixels in ``FIELD``, above which there is a warning."""

SAME_SCALE = 0.05
"""The scale found and that of the pixel sizes may differ by this share without a warning."""


@dataclass(frozen=True, eq=False)
class Registration:
    """How a photograph lies over another one of the same eye.

    Attributes
    ----------
    transform : Transform
        From pixels of the fixed photograph to those of the moving one, with its inverse.
    residuals : array, shape (n,)
        Distance between the centre lines of vessels that both show, pixels of the fixed photograph.
    overlap : float, range [0, 1]
        Share of the fixed photograph's field of view that the moving one shows.
    matched : float, range [0, 1]
        Share of the vessels in the overlap that both show, of the photograph that shows fewer.
    confidence : float, range [0, 1]
        The same beyond what lies together by chance: 0 chance, 1 all.
    quadratic : Quadratic
        The part of the transform that the curved eye explains.
    bent : float
        What it leaves: root mean square over the overlap, pixels of the fixed photograph.
    warnings : tuple of str
        Sentences: what makes the registration doubtful, and where.
    """

    transform: Transform
    residuals: Floats
    overlap: float
    matched: float
    confidence: float
    quadratic: Quadratic
    bent: float
    warnings: tuple[str, ...] = ()

    @property
    def residual(self) -> float:
        """Median of the residuals, pixels of the fixed photograph."""
        return float(np.median(self.residuals))

    def warp(self, image: NDArray[np.generic], *, order: int = 1) -> NDArray[np.generic]:
        """Draw the moving photograph in the frame of the fixed one; see :meth:`Transform.warp`."""
        return self.transform.warp(image, order=order)

    def in_words(self) -> str:
        """Say in a line how well it went."""
        turned, scale = self.transform.rotation, 1 / self.transform.scale
        return (
            f"confidence {self.confidence:.2f}, residual {self.residual:.1f} px, overlap {self.overlap:.0%}, "
            f"turned by {turned:.1f} degrees, scaled by {scale:.3f}"
        )


def register(moving: Visit, fixed: Visit) -> Registration:
    """Lay a photograph of an eye over another one of the same eye, by their vessels.

    Parameters
    ----------
    moving : Visit
        The photograph that is moved, such as that of a later visit.
    fixed : Visit
        The photograph in whose pixels everything is given.

    Returns
    -------
    Registration

    Raises
    ------
    RegistrationError
        Where one is known to be of the left eye and the other of the right one, and where the vessels do not
        fit: two eyes, a mirrored photograph, or hardly any overlap.
    ImageError
        Where a photograph shows too few vessels.

    Notes
    -----
    The vessels' centre lines are laid over each other at every turn and at scales from 0.57 to 1.75; the best
    places are improved by the nearest vessel of the same direction [1]_, first as a similarity, then with a
    smooth deformation, a grid of cubic B-splines with a penalty on bending [2]_. A point is drawn across the
    vessel, not along it, where a line has no features [3]_.

    References
    ----------
    .. [1] Stewart, Tsai, Roysam (2003), IEEE Trans. Med. Imaging 22, 1379: dual-bootstrap iterative closest
       point for retinal images.
    .. [2] Eilers, Marx (1996), Statistical Science 11, 89: splines with penalties.
    .. [3] Chen, Medioni (1992), Image and Vision Computing 10, 145: point to line.
    """
    return drain(register_steps(moving, fixed))


def register_steps(moving: Visit, fixed: Visit) -> Generator[float, None, Registration]:
    """Do what :func:`register` does, step by step.

    Yields
    ------
    float, range [0, 1]
        Share of the work that is done.
    """
    refuse_two_eyes((fixed.name, fixed.eye), (moving.name, moving.eye))
    yield 0.0
    lines = _lines(fixed)
    yield 0.1
    among = _lines(moving)
    yield 0.2
    matrix = yield from _similarity(fixed, moving, lines, among, (0.2, 0.6))
    transform, found = yield from _bent(matrix, fixed, moving, lines, among, (0.6, 1.0))
    if found.confidence < REFUSED:
        raise RegistrationError(_refusal(moving, fixed, found))
    common = lines[0][found.seen]
    quadratic = Quadratic.of(transform, common)
    left = transform.to_moving(common) - quadratic(common)
    bent = float(np.sqrt((left**2).sum(axis=1).mean())) / transform.scale
    warnings = tuple(_warnings(transform, found, bent, moving, fixed, lines))
    return Registration(
        transform, found.residuals, found.overlap, found.matched, found.confidence, quadratic, bent, warnings
    )


def refuse_two_eyes(fixed: tuple[str, str], moving: tuple[str, str]) -> None:
    """Raise RegistrationError where one photograph is known to be of a left eye and the other of a right one.

    Parameters
    ----------
    fixed, moving : (name, eye)
    """
    if {fixed[1], moving[1]} == {"left", "right"}:
        raise RegistrationError(
            f"'{fixed[0]}' is of the {fixed[1]} eye and '{moving[0]}' of the {moving[1]} one: choose two "
            "photographs of one eye."
        )


def _lines(visit: Visit) -> tuple[Floats, Floats]:
    lines = visit.tree.sections.lines
    return lines.points, lines.tangents()


def _similarity(
    fixed: Visit,
    moving: Visit,
    lines: tuple[Floats, Floats],
    among: tuple[Floats, Floats],
    shares: tuple[float, float],
) -> Generator[float, None, Floats]:
    """Find the best similarity, shape (2, 3), from the fixed photograph to the moving one."""
    few, others = Centrelines.of(*lines, FEW), Centrelines.of(*among, len(among[0]))
    unit = moving.diameter / FIELD
    drawn = [_centred(visit, own) for visit, own in ((fixed, lines), (moving, among))]
    best, most = None, -1.0
    for number, (turns, scales) in enumerate(((search.UPRIGHT, search.ALIKE), (search.TURNS, search.SCALES))):
        for pose in search.poses(drawn[0], drawn[1], POSES, turns, scales):
            linear = pose.matrix[:, :2] * moving.diameter / fixed.diameter
            shift = pose.matrix[:, 2] * moving.diameter + moving.centre - linear @ fixed.centre
            matrix = fit_similarity(np.column_stack([linear, shift]), few, others, NEARER * unit)
            scale = float(np.hypot(*matrix[:, 0]))
            if not SCALES[0] <= scale * fixed.diameter / moving.diameter <= SCALES[1]:
                continue
            at = few.points @ matrix[:, :2].T + matrix[:, 2]
            seen = moving.sees(at)
            ahead = few.directions @ matrix[:, :2].T / scale
            count = len(matches(at[seen], ahead[seen], others, CLOSE * unit).own)
            if count > most:
                best, most = matrix, float(count)
        yield shares[0] + (number + 1) / 2 * (shares[1] - shares[0])
        if most >= SURE * len(few.points):
            break
    if best is None:
        raise RegistrationError(_refusal(moving, fixed, None))
    return best


def _centred(visit: Visit, lines: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Some points of a photograph in diameters from the middle of its field of view, and their directions."""
    step = max(1, -(-len(lines[0]) // MOST))
    return (lines[0][::step] - visit.centre) / visit.diameter, lines[1][::step]


def _bent(
    matrix: Floats,
    fixed: Visit,
    moving: Visit,
    lines: tuple[Floats, Floats],
    among: tuple[Floats, Floats],
    shares: tuple[float, float],
) -> Generator[float, None, tuple[Transform, Agreement]]:
    unit = moving.diameter / FIELD
    grid = Grid(*fixed.shape, fixed.diameter / ACROSS)
    steps = [(reach * unit, stiffness) for reach, stiffness in BEND]
    some, others = Centrelines.of(*lines, MANY), Centrelines.of(*among, len(among[0]))
    transform = fit_deformation(matrix, grid, some, others, steps)
    yield shares[0] + 0.7 * (shares[1] - shares[0])
    return transform, agreement(transform, fixed, moving, lines, among)


def _refusal(moving: Visit, fixed: Visit, found: Agreement | None) -> str:
    known = "" if found is None else f" (confidence {found.confidence:.2f}, at least {REFUSED:g} is needed)"
    return (
        f"The vessels of '{moving.name}' do not fit those of '{fixed.name}'{known}: choose two photographs "
        "of one eye that show the same part of it; these may be of a left and a right eye, of two persons, "
        "or mirrored."
    )


def _warnings(
    transform: Transform,
    found: Agreement,
    bent: float,
    moving: Visit,
    fixed: Visit,
    lines: tuple[Floats, Floats],
) -> Generator[str, None, None]:
    if found.confidence < DOUBTED:
        yield (
            f"The registration is poor: {found.matched:.0%} of the vessels fit. Look at both photographs "
            "over each other before you trust a difference."
        )
    elif places := poor_parts(found, fixed, lines[0]):
        yield f"The vessels do not fit in the {' and the '.join(places)}: differences there mean nothing."
    if found.overlap < SMALL:
        yield f"The photographs share only {found.overlap:.0%} of the field of view."
    residual = float(np.median(found.residuals))
    if residual * FIELD / fixed.diameter > LOOSE:
        yield f"Vessels that fit lie {residual:.1f} pixels apart in the median: more than usual."
    if bent * FIELD / fixed.diameter > BENT:
        yield (
            f"The photographs are bent against each other by {bent:.1f} pixels beyond what the curved eye "
            "explains: changes of length mean little."
        )
    if fixed.spacing is not None and moving.spacing is not None:
        stated = fixed.spacing / moving.spacing
        if abs(transform.scale / stated - 1) > SAME_SCALE:
            yield (
                f"By the sizes of their pixels the photographs differ in scale by {stated:.3f}, by their "
                f"vessels by {transform.scale:.3f}: check the micrometres a pixel."
            )
