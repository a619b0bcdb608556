"""What the tests of the Segment widget share."""

import threading

import numpy as np

from napari_saunetv2 import inference
from napari_saunetv2.imaging.synthetic import fundus

PLUGIN = "napari-saunetv2"
WIDGET = "Segment vessels"


class Hold:
    """Stands in for the network: works until it is let go, and answers .5."""

    def __init__(self):
        self.go, self.closed = threading.Event(), threading.Event()
        self.error = None
        self.runs = 0

    def steps(self, image, model, config, field=None):
        self.runs += 1
        try:
            yield inference.Progress(0, 2)
            for _ in range(2000):  # twenty seconds: where nobody lets go or stops it, a test fails
                if self.go.wait(0.01):
                    break
                yield inference.Progress(1, 2)
            if self.error:
                raise self.error
            return np.full((1, *image.shape[:2]), 0.5, np.float32)
        finally:
            self.closed.set()


EXACT = {"engine": "torch", "precision": "float32"}
"""As the tests' widgets are set: an answer of the same engine is the same, bit for bit."""


def picture(height=80, width=64, seed=0):
    return fundus((height, width), seed).image


def segmented(image, **settings):
    return inference.segment(image, "saunetv2-general", **EXACT | {"rescale": "off"} | settings)


def names(viewer):
    return [layer.name for layer in viewer.layers]
