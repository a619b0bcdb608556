"""The quadratic part of a transform: what the curved eye and another direction of view explain."""

from dataclasses import dataclass

import numpy as np

from napari_saunetv2.measure.centreline import Floats
from napari_saunetv2.visits.transform import Transform


@dataclass(frozen=True)
class Quadratic:
    """A map of second degree, which registers two views of a curved retina (Can et al., 2002).

    Attributes
    ----------
    coefficients : array, shape (6, 2)
        Of 1, r, c, r^2, r c, c^2, where r and c are row and column in ``unit`` pixels.
    unit : float
        Pixels.
    """

    coefficients: Floats
    unit: float

    @classmethod
    def of(cls, transform: Transform, points: Floats) -> "Quadratic":
        """Fit it to a transform at points, shape (n, 2), of the fixed photograph."""
        unit = float(max(transform.grid.height, transform.grid.width))
        solution = np.linalg.lstsq(_terms(points / unit), transform.to_moving(points), rcond=None)[0]
        return cls(np.asarray(solution, float), unit)

    def __call__(self, points: Floats) -> Floats:
        """Map rows and columns, shape (n, 2)."""
        return np.asarray(_terms(points / self.unit) @ self.coefficients)

    def jacobian(self, points: Floats) -> Floats:
        """Derivatives at points, shape (n, 2, 2)."""
        row, column = (points / self.unit).T
        none, one = np.zeros_like(row), np.ones_like(row)
        by_row = np.column_stack([none, one, none, 2 * row, column, none])
        by_column = np.column_stack([none, none, one, none, row, 2 * column])
        return np.stack([by_row @ self.coefficients, by_column @ self.coefficients], axis=2) / self.unit


def _terms(points: Floats) -> Floats:
    row, column = points.T
    return np.column_stack([np.ones_like(row), row, column, row**2, row * column, column**2])
