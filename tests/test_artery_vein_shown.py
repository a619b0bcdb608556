"""Arteries and veins as they are drawn: on the overlay that the command writes, and as Segment is told to."""

import numpy as np
import pytest
from PIL import Image
from qtpy.QtCore import Qt
from typer.testing import CliRunner

from napari_saunetv2 import inference
from napari_saunetv2.cli import app
from napari_saunetv2.datasets import inputs
from napari_saunetv2.files import read_image
from napari_saunetv2.imaging.overlay import drawn, outlined
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.measure.classes import by_pixel, vote
from napari_saunetv2.models import checkpoint
from segment_widget.segmenting import PLUGIN, WIDGET

EYE = fundus((292, 282), seed=3)
MODEL = "saunetv2-av"
EXACT = {"engine": "torch", "precision": "float32"}


def test_the_overlay_is_red_on_arteries_and_blue_on_veins_and_is_no_photograph(tmp_path):
    folder, out = tmp_path / "eyes", tmp_path / "out"
    folder.mkdir()
    Image.fromarray(EYE.image).save(folder / "eye.png")
    words = ("segment", folder, "-o", out, "-m", MODEL, "--overlay", "--engine", "torch", "--precision",
             "float32")  # fmt: skip
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    maps = inference.segment_classes(EYE.image, MODEL, **EXACT)
    threshold = checkpoint.load(MODEL).header.threshold
    labels = vote(maps, maps.max(axis=0) >= threshold, threshold=threshold)
    more = read_image(out / "eye_overlay.png").astype(int) - EYE.image
    for value, own, other in ((1, 0, 2), (2, 2, 0)):
        change = more[labels == value]
        assert len(change) > 50
        assert (change[:, own] > change[:, other]).all()
    assert not more[labels == 0].any()
    # Without its photograph and its mask it is still known as a result.
    alone = tmp_path / "alone"
    alone.mkdir()
    (out / "eye_overlay.png").rename(alone / "eye_overlay.png")
    (folder / "eye.png").rename(alone / "other.png")
    assert [path.name for path in inputs.gather([str(alone)]).files] == ["other.png"]


def test_without_classes_vessels_are_drawn_as_before():
    unit = EYE.image / np.float32(255)
    assert np.array_equal(drawn(unit, EYE.labels), outlined(unit, EYE.labels))


@pytest.mark.gui
def test_segment_votes_along_vessels_as_ticked_and_asks_for_models_with_classes_only(viewer, qtbot):
    viewer.add_image(EYE.image, name="eye", rgb=True)
    _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, WIDGET)
    assert widget.classes_row.native.isHidden()
    widget.engine.value, widget.precision.value = "torch", "float32"
    widget.model.value = MODEL
    assert not widget.classes_row.native.isHidden()
    widget.threshold.value = 0.3
    qtbot.mouseClick(widget.run.native, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(widget.progress.native.isHidden, timeout=60_000)
    maps = inference.segment_classes(EYE.image, MODEL, **EXACT)
    mask = maps.max(axis=0) >= 0.3
    voted, single = (way(maps, mask, threshold=0.3) for way in (vote, by_pixel))
    assert not np.array_equal(voted, single)

    def shows(labels):
        assert np.array_equal(viewer.layers["eye arteries and veins"].data, labels)

    qtbot.waitUntil(lambda: shows(voted), timeout=10_000)
    widget.voted.native.click()
    qtbot.waitUntil(lambda: shows(single), timeout=10_000)
    assert not widget.post_processing().voted
    widget.model.value = "saunetv2-drive"
    assert widget.classes_row.native.isHidden()
