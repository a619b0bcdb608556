"""Two photographs of one eye whose transform is known: a synthetic eye, and the same seen otherwise."""

from functools import lru_cache

import numpy as np
from scipy import ndimage

from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.visits import Visit

SHAPE = (584, 565)
SMALL = (292, 282)


@lru_cache(maxsize=8)  # a visit keeps its centre lines
def synthetic(seed=0, photograph=False, shape=SHAPE):
    eye = fundus(shape, seed)
    picture = eye.image.astype(np.float32) / 255 if photograph else None
    return Visit(eye.vessels, eye.fov, photograph=picture, name=f"eye {seed}")


class Moved:
    """From pixels of the moved photograph to those of the original: a similarity and a wave."""

    def __init__(self, degrees=0.0, scale=1.0, shift=(0, 0), wave=0.0, length=300.0, seed=0, shape=SHAPE):
        turn = np.radians(degrees)
        self._linear = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) / scale
        self._shift, self._wave, self._number = np.array(shift, float), wave, 2 * np.pi / length
        self._phase = np.random.default_rng(seed).uniform(0, 2 * np.pi, 2)
        self._shape = shape

    def __call__(self, points):
        middle = (np.array(self._shape) - 1) / 2
        back = (points - middle - self._shift) @ self._linear.T
        return back + middle + self._wave * np.sin(self._number * back[:, ::-1] + self._phase)

    def image(self, image, order=1):
        at = self(np.indices(self._shape).reshape(2, -1).T.astype(float)).T
        planes = np.atleast_3d(image)
        drawn = [
            ndimage.map_coordinates(planes[..., n], at, order=order, cval=0).reshape(self._shape)
            for n in range(planes.shape[2])
        ]
        return drawn[0] if np.ndim(image) == 2 else np.stack(drawn, -1)

    def visit(self, visit, photograph=None):
        """The same eye: vessels to a part of a pixel, as a probability."""
        soft = self.image(np.asarray(visit.vessels, np.float32))
        fov = self.image(np.asarray(visit.fov, np.float32)) > 0.5
        return Visit(soft >= 0.5, fov, soft, 0.5, photograph, name="moved")

    def errors(self, registration, fixed, moving):
        """Distance of each place that both show from where it belongs, pixels of the original."""
        points = np.argwhere(fixed.inputs.fov[::9, ::9]) * 9.0
        at = registration.transform.to_moving(points)
        seen = moving.sees(at)
        return np.hypot(*(self(at[seen]) - points[seen]).T)


class Wavy:
    """A vessel that grew longer: its pixels, and the points of its centre line, moved sideways in waves."""

    def __init__(self, own, amplitude, length):
        pixels = np.argwhere(own).astype(float)
        self._own, self._middle, self._amplitude, self._length = own, pixels.mean(axis=0), amplitude, length
        self._along = np.linalg.svd(pixels - self._middle, full_matrices=False)[2][0]
        at = (pixels - self._middle) @ self._along
        self._ends = at.min(), at.max()

    def shift(self, points):
        """What the points are moved by; their place along the vessel stays."""
        at, (low, high) = (points - self._middle) @ self._along, self._ends
        fade = np.clip(np.minimum(at - low, high - at) / self._length, 0, 1)
        wave = self._amplitude * fade * np.sin(2 * np.pi * (at - low) / self._length)
        return wave[:, None] * (self._along[::-1] * (-1, 1))

    def image(self):
        """The vessel's pixels where they are later."""
        points = np.indices(self._own.shape).reshape(2, -1).T.astype(float)
        before = (points - self.shift(points)).T
        soft = ndimage.map_coordinates(self._own.astype(float), before, order=1)
        return soft.reshape(self._own.shape) >= 0.5

    def longer(self, points):
        """By how much a line of these points is longer later."""
        lengths = [np.hypot(*np.diff(p, axis=0).T).sum() for p in (points, points + self.shift(points))]
        return lengths[1] - lengths[0]
