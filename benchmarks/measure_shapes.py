"""Shapes with known values, and vessels that an expert ordered by tortuosity."""

import itertools
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pandas as pd
import shapes
from scipy import integrate, stats
from scipy.interpolate import CubicSpline

from napari_saunetv2.measure import measure
from napari_saunetv2.measure.centreline import Lines, join, resample, smooth
from napari_saunetv2.measure.fractal import fractal
from napari_saunetv2.measure.tortuosity import tortuosity
from napari_saunetv2.measure.tree import Tree, grow

ANGLES = (0, 10, 30, 45, 90)

CLICKS = 60.0
"""Pixels: centre lines that were clicked by hand in RET-TORT are smoothed over six widths of its vessels."""


def bars() -> Generator[str, None, list[str]]:
    """Width, length and straightness of bars."""
    lines = [
        "| | width, mean error | width, largest error | length, largest error | arc over chord at most |",
        "|---|---|---|---|---|",
    ]
    for name in ("edges one pixel soft", "bare mask"):
        widths, lengths, arcs = [], [], []
        for width, degrees, shift, scale in itertools.product(
            (3, 5, 8.5, 12, 16), (0, 15, 30, 45, 60, 90), ((0, 0), (0.5, 0.5)), (1, 2)
        ):
            bare = name == "bare mask"
            shift = (shift[0] + 1e-4, shift[1] + 1e-4) if bare else shift
            distance = shapes.bar(200 * scale, width * scale, 160 * scale, degrees, shift)
            soft = shapes.soft(distance)
            drawn = distance <= 0 if bare else soft >= 0.5
            found = measure(drawn, probability=None if bare else soft).segments.iloc[0]
            widths.append(abs(found.width_median / scale - width))
            lengths.append(abs(found.length / scale / 160 - 1))
            arcs.append(found.arc_over_chord)
        lines.append(
            f"| {name} | {np.mean(widths):.3f} px | {np.max(widths):.2f} px | {np.max(lengths):.2%} "
            f"| {np.max(arcs):.5f} |"
        )
        yield f"bars, {name}"
    return lines


def curves() -> Generator[str, None, list[str]]:
    """Quarter circle, sinusoid, fork and dimensions: value and largest error over all angles."""
    amplitude, period, width = 16, 80, 6
    slope = 2 * np.pi * amplitude / period
    arc = 2.5 * integrate.quad(lambda t: period * np.hypot(1, slope * np.cos(2 * np.pi * t)), 0, 1)[0]
    # The round ends of the drawn curve, level there, add half a width to either end.
    wave = (arc + width) / np.hypot(2 * amplitude, 2.5 * period + width)
    found: dict[str, list[float]] = {}
    wanted = {
        "quarter circle, arc over chord": np.pi / 2 / np.sqrt(2),
        "sinusoid, arc over chord": wave,
        "fork, degrees": 60.0,
        "Koch curve, dimension": np.log(4) / np.log(3),
        "line, dimension": 1.0,
        "filled square, dimension": 2.0,
    }
    for degrees in ANGLES:
        forked = _traced(shapes.fork(200, 80, width, degrees)).junctions
        values = (
            _traced(shapes.quarter_circle(180, 100, width, degrees)).bends.arc_over_chord[0],
            _traced(shapes.sinusoid(300, amplitude, period, width, degrees)).bends.arc_over_chord[0],
            forked.angle[forked.kind == "bifurcation"][0],
            *(fractal(pixels, 600).d0 for pixels in _filled(degrees)),
        )
        for name, value in zip(wanted, values, strict=True):
            found.setdefault(name, []).append(float(value))
        yield f"curves at {degrees} degrees"
    lines = ["| shape | exact | measured | largest error |", "|---|---|---|---|"]
    for name, exact in wanted.items():
        low, high = min(found[name]), max(found[name])
        error = max(abs(low - exact), abs(high - exact))
        lines.append(f"| {name} | {exact:.4f} | {low:.4f} to {high:.4f} | {error:.4f} |")
    return lines


def _traced(distance: np.ndarray) -> Tree:
    probability = shapes.soft(distance)
    return grow("all", probability >= 0.5, probability)


def _filled(degrees: float, length: int = 420) -> list[np.ndarray]:
    """Pixels of a Koch curve, a line and a square."""
    points = shapes.koch(6, length) - (0, length / 2)
    line = np.array([[0, -length / 2]]) * (1 - 2 * np.linspace(0, 1, 2000)[:, None])
    y, x = shapes.grid(600) - 300
    a = np.deg2rad(degrees)
    across, down = np.abs(x * np.cos(a) + y * np.sin(a)), np.abs(y * np.cos(a) - x * np.sin(a))
    drawn = [np.unique(np.round(shapes.turned(p, degrees, 300)).astype(int), axis=0) for p in (points, line)]
    return [*drawn, np.argwhere(np.maximum(across, down) < length / 2)]


def expert(data: Path) -> Generator[str, None, list[str]]:
    """Rank correlation with the expert who ordered RET-TORT's vessels."""
    measures = {
        "graded tortuosity": "graded",
        "total curvature": "total_curvature",
        "tortuosity density (its authors report .908 and .880)": "density",
        "arc over chord": "arc_over_chord",
    }
    found: dict[str, list[str]] = {name: [] for name in measures}
    table = pd.read_csv(data / "RET_TORT" / "centrelines.csv")
    for kind, vessels in table.groupby("class"):
        orders, bends = [], []
        for (_, order), points in vessels.groupby(["image", "clinical_order"]):
            orders.append(order)
            bends.append(tortuosity(clicked(points[["y", "x"]].to_numpy(float))))
        for name, key in measures.items():
            rank = stats.spearmanr(orders, [getattr(b, key)[0] for b in bends])[0]
            found[name].append(f"{rank:.3f}".lstrip("0"))
        yield f"RET-TORT, {kind}"
    rows = [f"| {name} | {' | '.join(ranks)} |" for name, ranks in found.items()]
    return ["| measure | arteries | veins |", "|---|---|---|", *rows]


def clicked(points: np.ndarray) -> Lines:
    """A smooth line through points that were clicked by hand."""
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    kept = np.concatenate([[True], np.diff(along) > 0])
    spline = CubicSpline(along[kept], points[kept])
    lines = resample(join([spline(np.arange(0, along[-1], 1.0))]))
    return resample(
        Lines(smooth(lines.points, lines.starts, np.full(len(lines.points), CLICKS)), lines.starts)
    )
