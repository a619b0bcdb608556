"""Numbers of segments that stay while a mask is changed."""

from dataclasses import replace

import numpy as np

from napari_saunetv2.measure import measure
from napari_saunetv2.measure.follow import changed, keep_numbers, match
from napari_saunetv2.measure.outlines import box_of, circle_of, grid_outlines, zone_outlines
from napari_saunetv2.measure.regions import Circle, Landmarks, Point


def bars(*columns):
    """Bars 6 px wide from column to column, in two rows by turns."""
    mask = np.zeros((60, 200), bool)
    for number, (first, last) in enumerate(columns):
        mask[10 + 20 * (number % 2) : 16 + 20 * (number % 2), first:last] = True
    return mask


def test_segments_keep_their_numbers_and_new_ones_get_free_ones():
    drawn = bars((5, 80), (5, 80), (110, 190))  # further apart than a gap that is bridged
    before, free = keep_numbers(measure(drawn), None, 1)
    assert sorted(before.segments.index) == [1, 2, 3]
    assert free == 4
    cut = drawn.copy()
    cut[:, 30:52] &= ~bars((5, 80))[:, 30:52]  # the first bar becomes two pieces
    cut[50:56, 20:80] = True
    after, free = keep_numbers(measure(cut), before.labels, free)
    for row, column in ((33, 50), (13, 150)):
        assert after.labels[row, column] == before.labels[row, column]
    pieces = {after.labels[13, 20], after.labels[13, 70]}
    assert before.labels[13, 20] in pieces, "the larger piece keeps the number"
    assert after.labels[13, 70] == before.labels[13, 20]
    assert set(after.segments.index) - {1, 2, 3} == {4, 5}
    assert free == 6
    assert set(after.segments.index[changed(after, before.labels)]) == {*pieces, after.labels[53, 50]}
    # Tables and image go by the same numbers.
    assert set(np.unique(after.labels)) - {0} == set(after.segments["label"]) == set(after.segments.index)
    for _, row in after.segments.iterrows():
        assert after.labels[round(row["row"]), round(row["column"])] == row["label"]
    listed = {int(n) for text in after.junctions["labels"] for n in text.split()}
    assert listed == set(after.segments.index)


def test_a_segment_without_a_pixel_of_its_own_has_not_changed():
    found = measure(bars((5, 80), (5, 80)))
    first, second = found.segments.index
    hidden = replace(found, labels=np.where(found.labels == second, 0, found.labels))
    assert not changed(hidden, hidden.labels).any()
    assert list(changed(hidden, np.roll(hidden.labels, 3, axis=1))) == [True, False]
    assert first in hidden.labels


def test_nothing_matches_an_empty_image():
    found = measure(bars((5, 90)))
    empty = np.zeros(found.labels.shape, np.int32)
    assert not match(found.labels, empty).former.any()
    assert changed(found, empty).all()
    same = match(found.labels, found.labels)
    assert list(same.former) == [0, 1]
    assert list(same.same) == [False, True]
    nothing, free = keep_numbers(measure(empty), found.labels, 2)
    assert len(nothing.segments) == 0
    assert free == 2


def test_a_circle_is_the_box_of_its_ellipse():
    circle = Circle(30.0, 20.0, 7.0)
    assert circle_of(box_of(circle)) == circle
    turned = [(20 + 5 * np.sin(a), 30 + 5 * np.cos(a)) for a in np.pi / 180 * np.array([15, 105, 195, 285])]
    assert np.allclose(circle_of(turned), (30, 20, 5 / np.sqrt(2)))
    ellipse = [(10, 10), (10, 30), (50, 30), (50, 10)]
    assert circle_of(ellipse) == Circle(20, 30, 15)
    round_ = [(20 + 5 * np.sin(a), 30 + 5 * np.cos(a)) for a in np.linspace(0, 2 * np.pi, 33)]
    assert np.allclose(circle_of(round_), (30, 20, 5))


def test_outlines_need_their_landmarks():
    disc, fovea = Circle(30.0, 20.0, 9.0), Point(75.0, 20.0)
    assert zone_outlines(Landmarks()) == grid_outlines(Landmarks(disc)) == []
    assert [np.ptp(o.points[:, 0]) / 18 for o in zone_outlines(Landmarks(disc))] == [2, 3, 5]
    grid = grid_outlines(Landmarks(disc, fovea))
    assert [o.kind for o in grid] == ["ellipse"] * 3 + ["path"] * 4
    for line in grid[3:]:  # halfway between the axes
        away = line.points - (20, 75)
        assert np.allclose(np.abs(away[:, 0]), np.abs(away[:, 1]))
        assert np.allclose(np.hypot(*away.T), (5, 30))
