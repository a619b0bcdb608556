"""Measure: what it shows, by what it colours, and what it says of input that cannot be measured."""

import threading

import numpy as np
import pytest
from measuring import SHAPE, add_disc, names, value, vessels
from napari.layers import Layer
from napari_builtins._qt.features_table import FeaturesTable
from qtpy.QtCore import Qt

from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.measure import measure
from napari_saunetv2.plugin.measure import run as running
from napari_saunetv2.plugin.samples import synthetic

pytestmark = pytest.mark.gui


def texts(widget):
    """What the summary shows: title, and value of all vessels."""
    table = widget.summary.table
    return {table.item(row, 0).text(): table.item(row, 1).text() for row in range(table.rowCount())}


def test_it_says_what_is_missing_and_chooses_what_is_likely(model, panel):
    assert "Open or make a layer of vessels" in panel.status.value
    assert not panel.run.enabled
    for data in synthetic():
        model.add_layer(Layer.create(*data))
    assert panel.vessels.value.name == "synthetic exact"
    assert panel.photograph.value.name == "synthetic"
    assert (panel.status.value, panel.run.enabled) == ("", True)
    mask = model.add_labels(vessels(), name="mine")
    assert panel.vessels.value.name == "synthetic exact"
    panel.vessels.value = mask
    assert panel.photograph.value == "none"
    found = model.add_labels(vessels(), name="found", metadata={"saunetv2 role": "vessels"})
    assert panel.vessels.value is found


def test_the_numbers_are_those_of_python_and_of_the_drawing(model, panel, run):
    model.add_labels(vessels(), name="eye")
    found = run(panel)
    ours = measure(vessels())
    assert found.image.equals(ours.image)
    assert np.array_equal(model.layers["eye segments"].data, ours.labels)
    assert sorted(found.segments.width_median) == pytest.approx([4, 6, 8], abs=0.1)
    assert value(found.image, "length", unit="px") == pytest.approx(300, rel=0.02)
    assert texts(panel)["number of segments"].split()[0] == "3"
    length = texts(panel)["length of vessels, px"].split()[0]
    assert length == f"{value(found.image, 'length', unit='px'):.4g}"
    assert panel.table.model().rowCount() == 3
    assert "3 segments of vessels" in panel.status.value
    assert "No optic disc was found" in panel.status.value


def test_names_of_measures_can_be_read_beside_ranges(viewer, widget, run):
    mask = vessels()
    viewer.add_labels(mask, name="eye")
    viewer.add_image(np.where(mask > 0, 0.9, 0.1).astype(np.float32), name="soft")
    widget.probability.value = viewer.layers["soft"]
    run(widget)
    value, interval = texts(widget)["number of segments"].split("\n")
    low, high = map(float, interval.strip("()").split(" to "))
    assert low < float(value) == 3 < high
    table = widget.summary.table
    assert table.columnWidth(0) >= table.fontMetrics().horizontalAdvance("number of cross-sections")


def test_napari_s_own_features_table_opens_the_segments(viewer, widget, run, qtbot):
    viewer.add_labels(vessels(), name="eye")
    found = run(widget)
    layer = viewer.layers["eye segments"]
    features = layer.features
    assert list(features["label"]) == [0, 1, 2, 3]  # the row is the number, as napari takes it
    assert list(features["length"][1:]) == list(found.segments["length"])
    assert f"label: {layer.data[54, 80]}" in layer.get_status((54, 80), world=True)["value"]
    viewer.layers.selection = {layer}
    table = FeaturesTable(viewer)
    qtbot.addWidget(table)
    assert table.table.model().rowCount() == 4
    table.table.selectRow(2)
    assert layer.selected_label == 2
    assert chosen(widget) == 2
    widget.table.go(3)
    assert {index.row() for index in table.table.selectionModel().selectedIndexes()} == {3}


def chosen(widget):
    rows = widget.table.selectionModel().selectedRows()
    return widget.table.model().label(rows[0].row()) if rows else None


def test_segments_are_coloured_by_the_measure_that_is_chosen(viewer, widget, run):
    viewer.add_labels(vessels(), name="eye")
    found = run(widget)
    layer = viewer.layers["eye segments"]
    for key in ("width_median", "length"):
        widget.measure.value = key
        order = found.segments[key].sort_values().index
        colours = [layer.get_color(label) for label in order]
        # viridis from dark violet to yellow: the lowest has the first colour, the highest the last
        assert colours[0][:3] == pytest.approx((0.267, 0.005, 0.329), abs=0.02)
        assert colours[-1][:3] == pytest.approx((0.993, 0.906, 0.144), abs=0.02)
        low, high = (float(text) for text in widget.bar.texts())
        values = sorted(found.segments[key])
        assert values[0] <= low < values[1] < high <= values[-1]
        assert widget.histogram.counts.sum() == 3
    assert "width_photograph" not in [widget.measure.get_choice(c) for c in widget.measure.choices]


def test_the_photograph_gives_widths_field_of_view_and_disc(model, panel, run):
    eye = fundus((292, 282), 0)
    model.add_image(eye.image, rgb=True, name="photo")
    model.add_labels(eye.vessels, name="eye")
    assert panel.photograph.value.name == "photo"
    found = run(panel)
    assert {"eye disc", "eye fovea", "eye zones"} <= set(names(model))
    assert panel.disc.value.name == "eye disc"
    assert panel.fovea.value.name == "eye fovea"  # what is measured about is shown
    assert "Optic disc " in panel.status.value
    assert "doubt" in panel.status.value
    unit = to_unit(eye.image)
    landmarks = found.planes[()].measurements.landmarks
    ours = measure(
        eye.vessels,
        fov=field_of_view.detect(unit),
        photograph=unit,
        disc=landmarks.disc,
        fovea=landmarks.fovea,
    )
    assert found.image.equals(ours.image)
    widths = found.segments["width_photograph"]
    assert np.isfinite(widths).any()
    # The synthetic disc: the brightest place.
    bright = np.unravel_index(eye.image.sum(axis=2, dtype=int).argmax(), eye.vessels.shape)
    disc = landmarks.disc
    assert np.hypot(disc.y - bright[0], disc.x - bright[1]) < 1.5 * disc.r


def test_the_zones_are_drawn_where_the_regions_are(viewer, widget, run):
    viewer.add_labels(vessels(), name="eye")
    widget.disc.value = add_disc(viewer, row=60, column=80, radius=10)
    found = run(widget)
    zones = viewer.layers["eye zones"]
    half = [np.ptp(box[:, 0]) / 2 for box in zones.data]
    assert half == [20, 30, 50]  # A ends at 2, B at 3 and C at 5 radii
    assert all(np.allclose(box.mean(axis=0), (60, 80)) for box in zones.data)
    # Zone B holds of the bar 8 px wide what lies from 20 to 30 px of the middle, on both sides.
    inside = value(found.image, "length", "zone_b", "px")
    reach = [np.sqrt(r**2 - 6.5**2) for r in (30, 20)]
    assert inside == pytest.approx(2 * (reach[0] - reach[1]), rel=0.05)
    widget.drawn.value = "none"
    assert "eye zones" not in names(viewer)
    widget.fovea.value = viewer.add_points([(60, 30)])
    widget.drawn.value = "ETDRS grid"
    grid = viewer.layers["eye zones"]
    assert list(grid.shape_type) == ["ellipse"] * 3 + ["path"] * 4
    assert [np.ptp(box[:, 0]) / 2 for box in grid.data[:3]] == pytest.approx([50 / 9, 150 / 9, 300 / 9])


def test_arteries_and_veins(model, panel, run):
    labels = vessels()
    labels[50:58] *= 2
    labels[20:24, 60:70] = 3
    model.add_labels(labels, name="eye")
    found = run(panel)
    ours = measure(labels, arteries=np.isin(labels, (1, 3)), veins=np.isin(labels, (2, 3)))
    assert found.image.equals(ours.image)
    assert "arteries and veins" in panel.status.value
    head = panel.summary.table.horizontalHeaderItem
    assert [head(n).text() for n in range(4)] == ["measure", "all vessels", "arteries", "veins"]
    panel.meaning.value = "vessels"
    assert run(panel).image.equals(measure(labels).image)


def test_pixels_that_nobody_judged_are_out_of_view(model, panel, run):
    labels = vessels()
    labels[:, 100:] = 255
    model.add_labels(labels, name="eye")
    seen = np.ones(SHAPE, bool)
    seen[:, 100:] = False
    assert run(panel).image.equals(measure(np.where(seen, labels, 0), fov=seen).image)


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (np.zeros(SHAPE, np.uint8), "The mask is empty"),
        (np.pad([[1]], 50).astype(np.uint8), "segments"),
        (np.ones(SHAPE, np.uint8), "covers 100% of the field of view"),
        (np.ones((1, 1), np.uint8), "covers 100%"),
        (np.ones((1, 40), np.uint8), "covers 100%"),
    ],
)
def test_masks_without_vessels_are_told_in_words(model, panel, run, mask, said):
    model.add_labels(mask, name="eye")
    found = run(panel)
    assert said in panel.status.value
    assert "No optic disc" in panel.status.value
    assert len(found.segments) <= 1
    assert not np.any(found.image.value == -1)
    assert model.layers["eye segments"].data.shape == mask.shape


def test_layers_of_other_sizes_are_refused_in_words(model, panel):
    model.add_labels(vessels(), name="eye")
    other = model.add_image(np.zeros((9, 9, 3), np.uint8), rgb=True, name="other")
    panel.photograph.value = other
    assert "'eye' has the shape (120, 190), the photograph (9, 9)" in panel.status.value
    assert not panel.run.enabled
    panel.photograph.value = "none"
    assert panel.run.enabled
    small = model.add_labels(np.ones((5, 5), int), name="small")
    panel.fov.value = small
    assert "'small' (5, 5)" in panel.status.value


@pytest.mark.parametrize(
    ("typed", "said"),
    [("0", "above 0"), ("-3", "above 0"), ("nan", "above 0"), ("two", "The scale is 'two'")],
)
def test_a_scale_that_cannot_be_is_refused_in_words(model, panel, typed, said):
    model.add_labels(vessels(), name="eye")
    panel.spacing.value = typed
    assert said in panel.status.value
    assert not panel.run.enabled
    panel.spacing.value = ""
    assert (panel.status.value, panel.run.enabled) == ("", True)


def test_where_the_scale_comes_from_stands_in_every_row(model, panel, run, settle):
    layer = model.add_labels(vessels(), name="eye")
    panel.disc.value = add_disc(model)

    def scale(found):
        rows = found.image[(found.image.measure == "length") & (found.image.region == "whole")]
        seen = zip(rows.unit, rows.value, rows.scale_source, strict=True)
        return {unit: (round(value / 300, 1), source) for unit, value, source in seen}

    assert panel.spacing.native.placeholderText() == "assumed: disc 1800 µm"
    assert scale(run(panel))["µm"] == (90, "assumed: disc diameter 1800 µm")
    panel.disc_diameter.value = 1500
    settle(panel)
    assert scale(panel.results.measured)["µm"] == (75, "assumed: disc diameter 1500 µm")
    panel.spacing.value = "20,4"
    settle(panel)
    assert scale(panel.results.measured)["µm"] == (20.4, "spacing given")
    panel.spacing.value = ""
    layer.scale = (0.01, 0.01)
    layer.units = ("millimeter", "millimeter")
    settle(panel)
    assert scale(panel.results.measured)["µm"] == (10, "layer scale")
    assert scale(panel.results.measured)["px"][1] == "pixels"
    layer.scale = (0.01, 0.02)
    settle(panel)
    assert "must be square" in panel.status.value


def test_cancel_changes_nothing(model, panel, qtbot, monkeypatch):
    held = threading.Event()

    def endless(*_, **__):
        while not held.wait(0.01):
            yield 0.5

    monkeypatch.setattr(running, "measure_steps", endless)
    model.add_labels(vessels(), name="eye")
    qtbot.mouseClick(panel.run.native, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.progress.value == 500, timeout=60_000)
    assert not panel.run.enabled
    qtbot.mouseClick(panel.cancel.native, Qt.MouseButton.LeftButton)
    assert panel.status.value == "Stopped; nothing was changed."
    qtbot.waitUntil(lambda: panel.panel.job is None, timeout=60_000)
    held.set()
    assert names(model) == ["eye"]
    assert panel.run.enabled


def test_the_layers_of_a_measurement_are_offered_to_nobody_as_vessels(viewer, widget, run):
    viewer.add_labels(vessels(), name="eye")
    run(widget)
    _, score = viewer.window.add_plugin_dock_widget("napari-saunetv2", "Evaluate vessels")
    for field in (widget.vessels, widget.fov, score.prediction, score.truth):
        assert {x.name for x in field.choices if not isinstance(x, str)} == {"eye"}
