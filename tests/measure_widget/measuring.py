"""What the tests of the Measure widget share: vessels whose numbers are known, and a mouse on the canvas."""

import numpy as np
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

PLUGIN = "napari-saunetv2"
WIDGET = "Measure vessels"
SHAPE = (120, 190)


def vessels():
    """Three bars, 4 px, 8 px and 6 px wide, and 120, 100 and 80 px long, too far apart to be one vessel."""
    mask = np.zeros(SHAPE, np.uint8)
    mask[20:24, 45:165] = 1
    mask[50:58, 45:145] = 1
    mask[20:100, 8:14] = 1
    return mask


def disc_box(row, column, radius):
    return np.array([row, column]) + radius * np.array([(-1, -1), (-1, 1), (1, 1), (1, -1)])


def add_disc(viewer, row=90.0, column=80.0, radius=10.0, **place):
    return viewer.add_shapes([disc_box(row, column, radius)], shape_type="ellipse", name="my disc", **place)


def names(viewer):
    return [layer.name for layer in viewer.layers]


def value(image, measure, region="whole", unit=None, vessels="all"):
    """One value of the table of an image."""
    rows = image[(image.measure == measure) & (image.region == region) & (image.vessels == vessels)]
    rows = rows if unit is None else rows[rows.unit == unit]
    assert len(rows) == 1, rows
    return rows.value.iloc[0]


class Mouse:
    """The mouse on the canvas, at places of the world."""

    def __init__(self, viewer):
        self._viewer = viewer
        self._canvas = viewer.window._qt_viewer.canvas.native

    def at(self, row, column):
        camera = self._viewer.camera
        size = self._canvas.size()
        down, right = (np.array([row, column]) - camera.center[-2:]) * camera.zoom
        return QPoint(round(size.width() / 2 + right), round(size.height() / 2 + down))

    def click(self, row, column):
        QTest.mouseMove(self._canvas, self.at(row, column))
        QTest.qWait(50)
        QTest.mouseClick(self._canvas, Qt.MouseButton.LeftButton, pos=self.at(row, column))

    def drag(self, *places):
        """Press at the first place, move over the others, and let go at the last."""
        QTest.mouseMove(self._canvas, self.at(*places[0]))
        QTest.qWait(50)
        QTest.mousePress(self._canvas, Qt.MouseButton.LeftButton, pos=self.at(*places[0]))
        for place in places[1:]:
            QTest.qWait(20)
            QTest.mouseMove(self._canvas, self.at(*place))
        QTest.qWait(20)
        QTest.mouseRelease(self._canvas, Qt.MouseButton.LeftButton, pos=self.at(*places[-1]))
