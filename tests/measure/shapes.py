"""Vessels whose measures are known: signed distances, positive outside, and maps made from them."""

import numpy as np


def turned(points, degrees, middle):
    """Points (row, column) turned about the origin and moved to the middle of a picture."""
    a = np.deg2rad(degrees)
    return np.asarray(points) @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]) + middle


def grid(side):
    return np.mgrid[:side, :side].astype(float)


def bar(side, width, length, degrees=0.0, shift=(0.0, 0.0)):
    """A bar with square ends about the middle of a picture."""
    y, x = grid(side) - (side - 1) / 2
    a = np.deg2rad(degrees)
    along, across = x * np.cos(a) + y * np.sin(a) - shift[0], -x * np.sin(a) + y * np.cos(a) - shift[1]
    return np.maximum(np.abs(along) - length / 2, np.abs(across) - width / 2)


def stroke(side, start, end, width):
    """A straight stroke with round ends."""
    y, x = grid(side)
    (a, b), d = start, np.subtract(end, start)
    share = np.clip(((y - a) * d[0] + (x - b) * d[1]) / (d @ d), 0, 1)
    return np.hypot(y - a - share * d[0], x - b - share * d[1]) - width / 2


def quarter_circle(side, radius, width, degrees=0.0):
    """A quarter of a ring with square ends, about a corner of the picture's middle part."""
    y, x = grid(side) - (side - 1) / 2
    a = np.deg2rad(degrees)
    u, v = x * np.cos(a) + y * np.sin(a) + radius * 0.6, -x * np.sin(a) + y * np.cos(a) + radius * 0.6
    ring = np.abs(np.hypot(u, v) - radius) - width / 2
    return np.maximum(ring, np.maximum(-u, -v))


def curve(side, points, width):
    """A curve through many points (row, column)."""
    from scipy.spatial import cKDTree

    return cKDTree(points).query(grid(side).reshape(2, -1).T)[0].reshape(side, side) - width / 2


def koch(depth, length):
    """Corners (row, column) of a Koch curve."""
    points = np.array([[0.0, 0.0], [0.0, length]])
    turn = np.array([[0.5, np.sqrt(3) / 2], [-np.sqrt(3) / 2, 0.5]])
    for _ in range(depth):
        a, d = points[:-1], np.diff(points, axis=0) / 3
        pieces = np.stack([a, a + d, a + d + d @ turn, a + 2 * d], axis=1)
        points = np.vstack([pieces.reshape(-1, 2), points[-1:]])
    return points


def fork(side, length, width, degrees=0.0):
    """A vessel that parts into two with 60 degrees between them."""
    middle = side / 2
    ends = [(0, -length)] + [(length * np.sin(a), length * np.cos(a)) for a in np.radians([30, -30])]
    return np.min(
        [stroke(side, (middle, middle), turned([end], degrees, middle)[0], width) for end in ends], axis=0
    )


def sinusoid(side, amplitude, period, width, degrees=0.0):
    """A sinusoid over two and a half periods."""
    x = np.linspace(-1.25 * period, 1.25 * period, 4001)
    wave = np.column_stack([amplitude * np.sin(2 * np.pi * x / period), x])
    return curve(side, turned(wave, degrees, (side - 1) / 2), width)


def soft(distance):
    """A probability whose edge is a pixel wide."""
    return np.clip(0.5 - distance, 0, 1).astype(np.float32)


def mask(distance):
    """A bare mask; what lies on an edge exactly is inside on one side only."""
    return distance < -1e-6
