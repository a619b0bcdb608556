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
