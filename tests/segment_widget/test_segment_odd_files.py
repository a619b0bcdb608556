"""Files whose kind napari's own reader does not know, from the disk to the vessels."""

import numpy as np
import pytest
from segmenting import EXACT

from napari_saunetv2 import files, inference
from oddfiles import masks
from oddfiles import photographs as odd

pytestmark = pytest.mark.gui


def found(viewer, role):
    (layer,) = [x for x in viewer.layers if x.name.endswith(role)]
    return layer


@pytest.mark.parametrize("name", ["planes", "planes, 16 bits", "OME", "ImageJ"])
def test_a_photograph_whose_colours_come_first_is_one(viewer, widget, run, tiny, tmp_path, name):
    path = odd.COLOURS_FIRST[name](tmp_path)
    viewer.open(path, plugin="napari")
    layer = viewer.layers[0]
    layer.scale = (1, 2, 3)[-layer.ndim :]
    widget.model.value = tiny
    run(widget)
    assert widget.planes.native.isHidden()
    probability = found(viewer, "probability")
    expected = inference.segment(files.read_image(path), tiny, rescale="off", **EXACT)
    np.testing.assert_allclose(probability.data, expected, atol=1e-6)
    assert found(viewer, "vessels").data.shape == odd.GREY.shape
    np.testing.assert_array_equal(probability.scale, layer.scale[-2:])


def test_three_grey_photographs_stay_three(viewer, widget, run, tiny, tmp_path):
    path = odd.tiff(tmp_path, "stack.tif", odd.FIRST, photometric="minisblack")
    viewer.open(path, plugin="napari")
    widget.model.value = tiny
    widget.planes.value = "all"
    run(widget)
    assert not widget.planes.native.isHidden()
    assert found(viewer, "vessels").data.shape == odd.FIRST.shape


@pytest.mark.parametrize("name", ["10 bits, tif", "14 bits, tif"])
def test_a_depth_is_recognised_in_the_viewer_too(viewer, widget, run, tiny, tmp_path, name):
    path = odd.RECOGNISED[name](tmp_path)
    viewer.open(path, plugin="napari")
    widget.model.value = tiny
    run(widget)
    expected = inference.segment(files.read_image(path), tiny, rescale="off", **EXACT)
    np.testing.assert_allclose(found(viewer, "probability").data, expected, atol=1e-6)
    assert "brightest value" in widget.status.value


@pytest.mark.parametrize("name", ["p.jpg", "p.tif"])
def test_a_photograph_that_napari_shows_turned_is_said_to_be(viewer, widget, run, tiny, tmp_path, name):
    viewer.open(odd.turned(tmp_path, name, 6), plugin="napari")
    shown = viewer.layers[0].data
    assert shown.shape == odd.RGB.swapaxes(0, 1).shape  # as it is stored
    widget.model.value = tiny
    run(widget)
    np.testing.assert_allclose(  # the result lies on what is shown
        found(viewer, "probability").data, inference.segment(shown, tiny, rescale="off", **EXACT), atol=1e-6
    )
    assert "turn it upright" in widget.status.value


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_a_photograph_called_vessels_opens_as_an_image(viewer, tmp_path, suffix):
    path = odd.saved(tmp_path, f"retinal_vessels.{suffix}", odd.RGB)
    (layer,) = viewer.open(path, plugin="napari-saunetv2")
    assert layer._type_string == "image"
    assert layer.rgb
    np.testing.assert_array_equal(layer.data, odd.RGB)


@pytest.mark.parametrize(
    "make",
    [
        masks.PALETTES["gif, vessel first"],
        masks.COLOURS["red and blue on white"],
        masks.NUMBERS["0 1 2"],
        masks.ALPHA["black on clear black"],
    ],
)
def test_a_mask_called_vessels_opens_as_labels(viewer, tmp_path, make):
    path = make(tmp_path)
    path = path.rename(path.with_name(f"mine_vessels{path.suffix}"))
    (layer,) = viewer.open(path, plugin="napari-saunetv2")
    assert layer._type_string == "labels"
    np.testing.assert_array_equal(layer.data, masks.TRUE)


@pytest.mark.data
@pytest.mark.parametrize("name", ["ome_cyx.ome.tif", "planar_separate.tif"])
def test_a_stranger_s_planes_of_colour_are_one_photograph(shared, viewer, widget, run, tiny, name):
    path = shared / "odd_files" / "photographs" / name
    viewer.open(path, plugin="napari")
    widget.model.value = tiny
    run(widget)
    expected = inference.segment(files.read_image(path), tiny, rescale="off", **EXACT)
    np.testing.assert_allclose(found(viewer, "probability").data, expected, atol=1e-6)
