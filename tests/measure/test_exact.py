"""Measures of shapes with closed forms, by the bounds that were promised."""

import itertools

import numpy as np
import pytest
import shapes
from scipy import integrate

from napari_saunetv2.imaging.skeleton import skeleton
from napari_saunetv2.measure.branching import find_junctions
from napari_saunetv2.measure.calibers import hubbard, knudtson
from napari_saunetv2.measure.fractal import fractal
from napari_saunetv2.measure.tree import grow


def traced(distance, *, bare=False):
    probability = shapes.soft(distance)
    if bare:
        return grow("all", shapes.mask(distance))
    return grow("all", probability >= 0.5, probability)


def only_segment(tree):
    assert len(tree.graph.paths) == 1, "one vessel is one segment, without spurs"
    points = tree.sections.lines.points
    return {
        "width": np.nanmedian(tree.sections.width),
        "length": tree.bends.length[0],
        "arc_over_chord": tree.bends.length[0] / np.hypot(*(points[-1] - points[0])),
        "curvature": tree.bends.total_curvature[0],
    }


@pytest.mark.parametrize("scale", [1, 2])
def test_soft_bars_have_their_width_and_length(scale):
    errors = []
    for width, angle, shift in itertools.product(
        (3, 5, 8.5, 12, 16), (0, 10, 30, 45, 60, 90), ((0, 0), (0.5, 0.5))
    ):
        bar = only_segment(traced(shapes.bar(140 * scale, width * scale, 100 * scale, angle, shift)))
        errors.append(abs(bar["width"] / scale - width))
        assert bar["length"] / scale == pytest.approx(100, rel=0.005)
        assert bar["arc_over_chord"] < 1.0005
    assert np.mean(errors) < 0.03
    assert max(errors) < 0.1


def test_bare_bars_have_their_width_as_far_as_pixels_can_say():
    errors = {}
    for width, angle, shift in itertools.product(
        (3, 5, 8.5, 12, 16), (0, 10, 30, 45, 60, 90), ((0, 0), (0.5, 0.5), (0.25, 0.25))
    ):
        distance = shapes.bar(140, width, 100, angle, (shift[0] + 1e-4, shift[1] + 1e-4))
        bar = only_segment(traced(distance, bare=True))
        assert bar["arc_over_chord"] < 1.002
        errors[width, angle, shift] = abs(bar["width"] - width)
    assert np.mean(list(errors.values())) < 0.12
    # Along an axis or a diagonal a mask can only be a whole number of rows wide.
    assert max(error for (_, angle, _), error in errors.items() if angle % 45) < 0.35


@pytest.mark.parametrize("degrees", [0, 10, 30, 45, 90])
def test_a_quarter_circle_and_a_sinusoid(degrees):
    tree = traced(shapes.quarter_circle(180, 100, 6, degrees))
    arc = only_segment(tree)
    assert arc["arc_over_chord"] == pytest.approx(np.pi / 2 / np.sqrt(2), rel=0.005)
    assert arc["curvature"] == pytest.approx(np.pi / 2, rel=0.05)
    assert arc["length"] == pytest.approx(np.pi / 2 * 100, rel=0.005)

    amplitude, period = 16, 80
    tree = traced(shapes.sinusoid(300, amplitude, period, 6, degrees))
    slope = 2 * np.pi * amplitude / period
    arc = 2.5 * integrate.quad(lambda t: period * np.hypot(1, slope * np.cos(2 * np.pi * t)), 0, 1)[0]
    # The round ends of the drawn curve, level there, add half a width to either end.
    chord = np.hypot(2 * amplitude, 2.5 * period + 6)
    assert tree.bends.arc_over_chord[0] == pytest.approx((arc + 6) / chord, rel=0.005)
    assert tree.bends.length[0] == pytest.approx(arc + 6, rel=0.01)
    assert tree.bends.inflections[0] == 5


@pytest.mark.parametrize("degrees", [0, 10, 30, 45, 90])
@pytest.mark.parametrize(("scale", "bare"), [(1, False), (2, False), (1, True)])
def test_a_fork_has_its_angle_and_its_widths(degrees, scale, bare):
    middle = 100.0 * scale
    distance = shapes.fork(200 * scale, 80 * scale, 6 * scale, degrees)
    found = traced(distance, bare=bare).junctions
    fork = found.kind == "bifurcation"
    assert fork.sum() == 1
    assert (found.kind == "end").sum() == 3
    assert found.angle[fork][0] == pytest.approx(60, abs=1)
    if not bare:
        for width in (found.parent, found.wide, found.narrow):
            assert width[fork][0] == pytest.approx(6 * scale, abs=0.1)
    assert np.hypot(*(found.position[fork][0] - middle)) < 6 * scale


@pytest.mark.parametrize("degrees", [0, 30, 45])
@pytest.mark.parametrize("between", [90, 60, 45])
def test_a_crossing_is_not_two_bifurcations(degrees, between):
    strokes = [
        shapes.stroke(200, *shapes.turned([(0, -80), (0, 80)], degrees + extra, 99.5), 6)
        for extra in (0, between)
    ]
    tree = traced(np.minimum(*strokes))
    found = tree.junctions
    assert (found.kind == "crossing").sum() == 1
    assert (found.kind == "bifurcation").sum() == 0
    assert found.angle[found.kind == "crossing"][0] == pytest.approx(between, abs=2)
    assert len(set(found.vessel[~found.inside])) == 2, "four segments are two vessels"


@pytest.mark.parametrize("degrees", [0, 10, 30, 45, 75, 90])
def test_dimensions(degrees):
    def dimension(points):
        pixels = np.unique(np.round(points).astype(int), axis=0)
        return fractal(pixels, 600)

    length = 420
    dense = np.linspace(0, 1, 2000)[:, None]
    line = shapes.turned(np.array([[0, -length / 2]]) * (1 - 2 * dense), degrees, 300)
    y, x = shapes.grid(600) - 300
    a = np.deg2rad(degrees)
    square = np.argwhere(
        np.maximum(np.abs(x * np.cos(a) + y * np.sin(a)), np.abs(y * np.cos(a) - x * np.sin(a))) < length / 2
    )
    corners = shapes.turned(shapes.koch(6, length) - (0, length / 2), degrees, 300)
    assert dimension(corners).d0 == pytest.approx(1.26186, abs=0.03)
    assert dimension(line).d0 == pytest.approx(1, abs=0.02)
    assert dimension(square).d0 == pytest.approx(2, abs=0.03)
    assert dimension(square).d2 == pytest.approx(2, abs=0.03)


def test_central_equivalents():
    def equal(width, c):
        return c * width * np.sqrt(4 * c**4 + 2 * c**2)

    assert knudtson([16] * 6, "arteries") == pytest.approx(27.97488, abs=1e-5)
    assert knudtson([24] * 6, "veins") == pytest.approx(51.30266, abs=1e-5)
    assert knudtson([16] * 6, "arteries") == pytest.approx(equal(16, 0.88))
    assert knudtson([7], "veins") == 7
    assert knudtson([3, 4], "arteries") == pytest.approx(0.88 * 5)
    # Three: widest with narrowest, the middle one carried over.
    assert knudtson([5, 4, 3], "arteries") == pytest.approx(0.88 * np.hypot(0.88 * np.hypot(5, 3), 4))
    assert hubbard([100, 80], "arteries") == pytest.approx(
        np.sqrt(0.87 * 100**2 + 1.01 * 80**2 - 0.22 * 8000 - 10.76)
    )
    assert np.isnan(hubbard([1, 1], "arteries"))


@pytest.mark.parametrize("width", [1.5, 2, 3, 4, 6, 8.5, 10, 24])
def test_the_skeleton_keeps_a_bar_at_every_angle(width):
    for degrees, shift in itertools.product(range(0, 180, 15), (0, 0.25, 0.5, 0.75)):
        bar = shapes.mask(shapes.bar(110, width, 80, degrees, (0, shift)))
        y, x = np.nonzero(skeleton(bar))
        assert len(y), (width, degrees, shift)
        assert np.hypot(np.ptp(y), np.ptp(x)) > 80 - 1.5 * width - 3, (width, degrees, shift)


def test_find_junctions_takes_nothing():
    empty = grow("all", np.zeros((9, 9), bool))
    found = find_junctions(empty.graph, empty.sections)
    assert not len(found.kind)


def test_a_bump_of_the_outline_is_no_branch():
    distance = shapes.bar(140, 9, 100, 20)
    for at in (-25, 0, 25):
        (y, x), (y1, x1) = shapes.turned([(0, at), (-7.5, at)], -20, 69.5)
        distance = np.minimum(distance, shapes.stroke(140, (y, x), (y1, x1), 3))
    tree = traced(distance, bare=True)
    assert len(tree.graph.paths) == 1
    assert (tree.junctions.kind == "end").sum() == 2


def test_a_broken_vessel_is_one_vessel():
    """A gap of two widths does not end a vessel; one of a vessel's length does, and so does a turn."""
    whole = shapes.bar(140, 4, 110, 20)
    y, x = shapes.grid(140) - 69.5
    along = x * np.cos(np.radians(20)) + y * np.sin(np.radians(20))
    for gap, pieces in ((0, 1), (4, 1), (8, 1), (40, 2)):
        tree = traced(np.maximum(whole, gap / 2 - np.abs(along)), bare=True)
        assert len(tree.graph.paths) == pieces, gap
        if pieces == 1:
            assert tree.bends.length[0] == pytest.approx(110, rel=0.01)
            assert np.nanmedian(tree.sections.width) == pytest.approx(4, abs=0.3)
    beside = np.minimum(shapes.stroke(100, (30, 10), (30, 60), 4), shapes.stroke(100, (40, 55), (40, 90), 4))
    assert len(traced(beside, bare=True).graph.paths) == 2, "side by side is not end to end"


def test_a_branch_that_lost_its_root_still_branches():
    parent = shapes.stroke(160, (80, 10), (80, 150), 6)
    daughter = shapes.stroke(160, (70, 80), (20, 110), 3)
    found = traced(np.minimum(parent, daughter), bare=True).junctions
    assert (found.kind == "bifurcation").sum() == 1
    assert (found.kind == "end").sum() == 3


def test_the_parent_is_the_arm_that_the_others_turn_away_from():
    """Widths as good as equal are noise: the angles tell."""
    distance = np.minimum(
        shapes.stroke(200, (100, 20), (100, 180), 5), shapes.stroke(200, (100, 100), (60, 140), 5.3)
    )
    found = traced(distance).junctions
    fork = found.kind == "bifurcation"
    assert found.angle[fork][0] == pytest.approx(45, abs=1.5), "not the 135 degrees to the other side"


def test_a_bare_bar_is_as_wide_as_its_mask():
    """What a mask leaves open no measurement can know: a bar of 8.5 px at 0 degrees is 8 or 9 rows."""
    for width, angle, shift in itertools.product((3, 5, 8.5, 12, 16), (0, 45, 90), (0, 0.25, 0.5)):
        mask = shapes.mask(shapes.bar(140, width, 100, angle, (shift + 1e-4, shift + 1e-4)))
        bar = only_segment(grow("all", mask))
        assert bar["width"] == pytest.approx(mask.sum() / 100, abs=0.1), (width, angle, shift)
