"""A similarity and a smooth deformation: from pixels of one photograph to those of another, and back."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from napari_saunetv2.measure.centreline import Floats

ACROSS = 14
"""Pieces of the deformation across the field of view: it follows nothing shorter than two of them."""

_ROUNDS = 60
_CLOSE = 1e-3
"""Pixels to which the inverse is found."""


@dataclass(frozen=True)
class Grid:
    """Cubic B-splines over a frame.

    Attributes
    ----------
    height, width : int
        Of the frame, pixels.
    spacing : float
        Side of a piece, pixels.
    """

    height: int
    width: int
    spacing: float

    @property
    def shape(self) -> tuple[int, int]:
        """Number of coefficients down and across."""
        return tuple(int(np.ceil((n - 1) / self.spacing)) + 3 for n in (self.height, self.width))  # type: ignore[return-value]

    def along(self, positions: Floats, axis: int, order: int = 0) -> Floats:
        """Splines of an axis at positions, pixels, or their first derivative: shape (n, coefficients)."""
        count = self.shape[axis]
        at = np.clip(positions / self.spacing, 0, count - 3 - 1e-9)
        first = at.astype(np.intp)
        t = (at - first)[:, None]
        powers = np.concatenate([np.ones_like(t), t, t**2, t**3], axis=1)
        if order:
            zero = np.zeros_like(t)
            powers = np.concatenate([zero, zero + 1, 2 * t, 3 * t**2], axis=1) / self.spacing
        result = np.zeros((len(at), count))
        np.put_along_axis(result, first[:, None] + np.arange(4), powers @ _CUBIC, axis=1)
        return result

    def basis(self, points: Floats) -> Floats:
        """All splines at points, rows and columns: shape (n, coefficients down * across)."""
        down, across = (self.along(points[:, axis], axis) for axis in (0, 1))
        return np.asarray((down[:, :, None] * across[:, None, :]).reshape(len(points), -1))

    def bending(self) -> Floats:
        """Penalty on second differences of the coefficients: an affine map bends nothing."""
        (down, across) = self.shape
        pieces = [
            (_differences(down, 2), np.eye(across), 1.0),
            (np.eye(down), _differences(across, 2), 1.0),
            (_differences(down, 1), _differences(across, 1), 2.0),
        ]
        return np.asarray(sum(weight * np.kron(a.T @ a, b.T @ b) for a, b, weight in pieces), float)


_CUBIC = np.array([[1, 4, 1, 0], [-3, 0, 3, 0], [3, -6, 3, 0], [-1, 3, -3, 1]]) / 6
"""Coefficients of 1, t, t^2, t^3 in the four cubic B-splines that reach a piece."""


def _differences(count: int, order: int) -> Floats:
    return np.asarray(np.diff(np.eye(count), order, axis=0), float)


@dataclass(frozen=True)
class Transform:
    """Where each point of the fixed photograph lies in the moving one.

    Attributes
    ----------
    matrix : array, shape (2, 3)
        Similarity: rows and columns of the fixed photograph, with a 1 behind, to those of the moving one.
    grid : Grid
        Of the fixed photograph.
    coefficients : array, shape (2, down, across)
        Of the deformation that is added, in rows and columns, pixels of the moving photograph.
    """

    matrix: Floats
    grid: Grid
    coefficients: Floats

    @property
    def scale(self) -> float:
        """Pixels of the moving photograph in a pixel of the fixed one."""
        return float(np.hypot(self.matrix[0, 0], self.matrix[1, 0]))

    @property
    def rotation(self) -> float:
        """Degrees by which the moving photograph must be turned clockwise to lie as the fixed one does."""
        return float(np.degrees(np.arctan2(self.matrix[0, 1], self.matrix[0, 0])))

    def to_moving(self, points: ArrayLike) -> Floats:
        """Map rows and columns of the fixed photograph, shape (n, 2), to those of the moving one."""
        at = np.asarray(points, float).reshape(-1, 2)
        bent = self.grid.basis(at) @ self.coefficients.reshape(2, -1).T
        return np.asarray(at @ self.matrix[:, :2].T + self.matrix[:, 2] + bent)

    def to_fixed(self, points: ArrayLike) -> Floats:
        """Map rows and columns of the moving photograph, shape (n, 2), to those of the fixed one.

        The inverse has no formula and is found step by step, to a thousandth of a pixel wherever the
        deformation does not fold.
        """
        wanted = np.asarray(points, float).reshape(-1, 2)
        back = np.linalg.inv(self.matrix[:, :2]).T
        at = (wanted - self.matrix[:, 2]) @ back
        for _ in range(_ROUNDS):
            wrong = (wanted - self.to_moving(at)) @ back
            at = at + wrong
            if np.abs(wrong).max(initial=0) < _CLOSE:
                break
        return np.asarray(at)

    def jacobian(self, points: ArrayLike) -> Floats:
        """Derivatives of :meth:`to_moving` at points of the fixed photograph, shape (n, 2, 2)."""
        at = np.asarray(points, float).reshape(-1, 2)
        result = np.broadcast_to(self.matrix[:, :2], (len(at), 2, 2)).copy()
        for axis in (0, 1):
            down, across = (self.grid.along(at[:, one], one, int(one == axis)) for one in (0, 1))
            result[:, :, axis] += np.einsum("ni,nj,cij->nc", down, across, self.coefficients)
        return result

    def field(self, rows: Floats, columns: Floats) -> Floats:
        """Map a lattice of the fixed photograph to rows and columns of the moving one: (2, rows, columns)."""
        down, across = self.grid.along(rows, 0), self.grid.along(columns, 1)
        bent = np.einsum("ri,cij,kj->crk", down, self.coefficients, across, optimize=True)
        straight = self.matrix[:, 0, None, None] * rows[:, None] + self.matrix[:, 1, None, None] * columns
        return np.asarray(straight + self.matrix[:, 2, None, None] + bent)

    def warp(self, image: NDArray[np.generic], *, order: int = 1) -> NDArray[np.generic]:
        """Draw the moving photograph, or a mask of it, in the frame of the fixed one.

        Parameters
        ----------
        image : array, shape (H, W) or (H, W, C)
            Of the moving photograph.
        order : int
            1 between pixels, linear, for photographs; 0 for labels and masks: the nearest pixel.

        Returns
        -------
        array, shape (height, width) or (height, width, C) of the fixed photograph, dtype of the image
            0 where the moving photograph does not reach.
        """
        rows, columns = np.arange(self.grid.height, dtype=float), np.arange(self.grid.width, dtype=float)
        at = self.field(rows, columns)
        pixels = np.asarray(image)
        planes = pixels[..., None] if pixels.ndim == 2 else pixels
        kind = np.float32 if order else pixels.dtype
        drawn = [
            ndimage.map_coordinates(plane.astype(kind), at, order=order, mode="grid-constant", cval=0)
            for plane in np.moveaxis(planes, -1, 0)
        ]
        result = np.stack(drawn, axis=-1)
        if order and np.issubdtype(pixels.dtype, np.integer):
            result = np.rint(result)
        result = result.astype(pixels.dtype)
        return result[..., 0] if pixels.ndim == 2 else result
