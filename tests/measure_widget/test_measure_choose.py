"""From the table to the vessel and back, in a window with a mouse."""

import numpy as np
import pytest
from measuring import vessels
from qtpy.QtCore import Qt

pytestmark = pytest.mark.gui

CHOSEN = 2


def chosen(widget):
    rows = widget.table.selectionModel().selectedRows()
    return widget.table.model().label(rows[0].row()) if rows else None


def test_a_row_zooms_to_its_vessel_and_marks_it(viewer, widget, run, qtbot):
    viewer.add_labels(vessels(), name="eye", scale=(2, 2), translate=(10, 20))
    run(widget)
    viewer.camera.zoom = 0.5
    widget.views.setCurrentWidget(widget.table)
    layer, marks = viewer.layers["eye segments"], viewer.layers["eye marks"]
    for row in (2, 0):
        view = widget.table
        place = view.visualRect(view.model().index(row, 0)).center()
        qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
        label = view.model().label(row)
        assert chosen(widget) == label == layer.selected_label
        own = layer.data == label
        middle = np.argwhere(own).mean(axis=0)
        assert viewer.camera.center[1:] == pytest.approx(2 * middle + (10, 20), abs=2.5)
        assert viewer.camera.zoom == 2  # 4 pixels of the screen for each of the image
        assert np.array_equal(marks.data == CHOSEN, own)


def test_a_click_on_a_vessel_selects_its_row(viewer, widget, run, mouse, qtbot):
    viewer.add_labels(vessels(), name="eye")
    run(widget)
    viewer.reset_view()
    viewer.camera.zoom = 3
    layer = viewer.layers["eye segments"]
    for row, column in ((54, 80), (60, 11), (22, 100)):
        mouse.click(row, column)
        qtbot.waitUntil(lambda label=layer.data[row, column]: chosen(widget) == label, timeout=10_000)
        assert widget.views.currentWidget() is widget.table
    before = chosen(widget)
    mouse.click(100, 120)  # background
    assert chosen(widget) == before
    mouse.drag((54, 80), (60, 100), (70, 120))  # moves the picture
    assert chosen(widget) == before


def test_a_click_that_paints_selects_nothing(viewer, widget, run, mouse, settle):
    eye = viewer.add_labels(vessels(), name="eye")
    run(widget)
    viewer.reset_view()
    viewer.layers.selection.active = eye
    eye.mode = "paint"
    mouse.click(54, 80)
    settle(widget)
    assert chosen(widget) is None


def test_the_table_sorts_by_a_column_and_keeps_the_chosen_row(viewer, widget, run):
    viewer.add_labels(vessels(), name="eye")
    found = run(widget)
    widget.table.go(2)
    model = widget.table.model()
    column = model.column("length")
    for order, rising in ((Qt.SortOrder.AscendingOrder, True), (Qt.SortOrder.DescendingOrder, False)):
        widget.table.sortByColumn(column, order)
        labels = [model.label(row) for row in range(model.rowCount())]
        assert labels == list(found.segments["length"].sort_values(ascending=rising).index)


def test_a_removed_layer_of_segments_is_no_error(viewer, widget, run, settle):
    eye = viewer.add_labels(vessels(), name="eye")
    run(widget)
    for name in ("eye segments", "eye marks"):
        viewer.layers.remove(name)
    widget.table.go(1)
    widget.measure.value = "length"
    eye.paint((100, 100), 1)
    settle(widget)
    assert "eye segments" in viewer.layers  # made again with the new numbers
    viewer.layers.remove(eye)
    widget.spacing.value = "3"
    settle(widget)
    assert "Open or make a layer of vessels" in widget.status.value
