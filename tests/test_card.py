"""The card of the Segment widget, in a real viewer: what is unusual, and the true advice."""

import numpy as np
import pytest
from PIL import Image

from napari_saunetv2.imaging.synthetic import fundus

pytestmark = pytest.mark.gui

EYE = fundus((240, 300), seed=3)
WHITE = np.where(EYE.fov[..., None] != 0, EYE.image, np.uint8(255)).astype(np.uint8)


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer()


@pytest.fixture
def widget(viewer):
    return viewer.window.add_plugin_dock_widget("napari-saunetv2", "Segment vessels")[1]


def card(widget, qtbot, says):
    qtbot.waitUntil(lambda: says in widget.card.value, timeout=120_000)
    return widget.card.value


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (EYE.image // 12, "nearly black"),
        (EYE.image[70:170, 100:200], "No field of view was detected"),
        (EYE.image[..., ::-1], "may not be a fundus photograph"),
        (fundus((90, 90), 1).image, "fine vessels"),
        (np.zeros((80, 80, 3), np.uint8), "dark everywhere"),
    ],
)
def test_the_card_says_what_is_unusual(viewer, widget, qtbot, image, says):
    viewer.add_image(np.ascontiguousarray(image), rgb=True)
    assert "\u26a0" in card(widget, qtbot, says)


def test_a_clean_photograph_and_one_on_paper_need_no_word(viewer, widget, qtbot):
    viewer.add_image(EYE.image, rgb=True)
    assert "\u26a0" not in card(widget, qtbot, "FOV 2")
    viewer.add_image(WHITE, rgb=True, name="on paper")
    viewer.layers.selection.active = viewer.layers["on paper"]
    qtbot.wait(500)
    assert "\u26a0" not in card(widget, qtbot, "FOV 2")


def test_a_large_photograph_is_told_to_use_auto_and_auto_is_content(viewer, widget, qtbot):
    viewer.add_image(fundus((1400, 1900), 1, fov_diameter=1800).image, rgb=True)
    assert "lost" not in card(widget, qtbot, "scaled to")
    widget.rescale.value = "off"
    assert "which is 0.4 here" in card(widget, qtbot, "set rescale to auto")


def test_a_turned_file_is_said(viewer, widget, qtbot, tmp_path):
    about = Image.Exif()
    about[0x0112] = 6
    Image.fromarray(EYE.image).save(tmp_path / "eye.jpg", exif=about)
    viewer.open(tmp_path / "eye.jpg", plugin="napari")
    card(widget, qtbot, "ignores the orientation stored in this file")
