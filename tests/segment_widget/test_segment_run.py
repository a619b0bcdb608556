import dask.array as da
import numpy as np
import pytest
import torch
from napari.layers import Image, Labels
from qtpy.QtWidgets import QApplication
from segmenting import PLUGIN, WIDGET, names, picture, segmented

from napari_saunetv2 import inference
from napari_saunetv2.engines import runners
from napari_saunetv2.models import checkpoint
from napari_saunetv2.plugin.common.layers import lookup

pytestmark = pytest.mark.gui


@pytest.mark.parametrize(
    ("image", "settings"),
    [
        (picture(), {"tta": "none", "rescale": "auto"}),
        (picture(), {"tta": "d4", "rescale": "off"}),
        (picture()[..., 1], {"tta": "none", "rescale": "off"}),
        (picture().astype(np.uint16) * 257, {"tta": "none", "rescale": "off"}),
        ((picture() / 255).astype(np.float32), {"tta": "flips", "rescale": "off"}),
        (np.dstack([picture(), np.full((80, 64), 255, np.uint8)]), {"tta": "none", "rescale": "off"}),
    ],
    ids=["rgb", "d4", "grey", "uint16", "float", "rgba"],
)
def test_the_answer_is_that_of_segment(viewer, widget, run, image, settings):
    viewer.add_image(image, rgb=image.ndim == 3, name="eye")
    widget.tta.value, widget.rescale.value = settings["tta"], settings["rescale"]
    run(widget)
    assert names(viewer) == ["eye", "eye probability", "eye vessels"]
    _, probability, vessels = viewer.layers
    expected = segmented(image, **settings)
    assert isinstance(probability, Image)
    assert probability.data.dtype == np.float32
    assert np.array_equal(probability.data, expected)
    assert probability.contrast_limits == [0, 1]
    assert isinstance(vessels, Labels)
    assert vessels.data.dtype == np.uint8
    assert np.array_equal(vessels.data, inference.binarise(expected, widget.threshold.value))
    for layer in (probability, vessels):
        about = {"model": "saunetv2-general", "device": "cpu", "tile": "auto", **settings}
        assert {key: layer.metadata[key] for key in about} == about
    assert vessels.metadata["threshold"] == widget.threshold.value
    assert widget.status.value.startswith("Done: eye, ")
    assert " on cpu with torch in float32. " in widget.status.value
    assert widget.run.enabled


def test_the_engine_that_was_really_used_is_told(viewer, models, tiny, run):
    _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, WIDGET)
    assert (widget.engine.value, widget.precision.value) == ("auto", "auto")
    assert list(widget.engine.choices) == runners.installed()
    widget.rescale.value, widget.model.value = "off", tiny
    image = picture()
    viewer.add_image(image, rgb=True, name="eye")
    run(widget)
    engine, precision = runners.choice(checkpoint.load(tiny), torch.device("cpu"))
    assert f" on cpu with {engine} in {precision}. " in widget.status.value
    found = viewer.layers["eye probability"]
    assert (found.metadata["engine"], found.metadata["precision"]) == (engine, precision)
    same = {"engine": engine, "precision": precision, "rescale": "off"}
    assert np.array_equal(found.data, inference.segment(image, tiny, **same))
    widget.copy_command.native.click()
    widget.copy_python.native.click()
    assert f"engine={engine!r}, precision={precision!r}" in QApplication.clipboard().text()


PLACES = {
    "scale": (0.5, 2.0),
    "translate": (10.0, -7.0),
    "rotate": 30.0,
    "shear": (0.25,),
    "affine": np.array([[1, 0.1, 3], [0, 1.2, -4], [0, 0, 1]]),
    "units": ("um", "mm"),
    "axis_labels": ("down", "right"),
}


def same_place(layer, source):
    for name in PLACES:
        if name == "affine":
            assert np.array_equal(layer.affine.affine_matrix, source.affine.affine_matrix)
        elif name in ("units", "axis_labels"):
            assert getattr(layer, name) == getattr(source, name)
        else:
            assert np.array_equal(getattr(layer, name), getattr(source, name)), name
    corners = [(0, 0), (5, 0), (0, 5), (79, 63)]
    assert [layer.data_to_world(c) for c in corners] == [source.data_to_world(c) for c in corners]


def test_the_results_lie_where_the_image_lies(viewer, widget, run):
    source = viewer.add_image(picture(), rgb=True, **PLACES)
    assert str(source.units[0]) == "micrometer"
    run(widget)
    for layer in viewer.layers[1:]:
        same_place(layer, source)
    source.scale, source.translate, source.units = (3, 3), (1, 2), ("mm", "mm")
    run(widget)
    assert len(viewer.layers) == 3
    for layer in viewer.layers[1:]:
        same_place(layer, source)


def test_running_again_renews_the_layers(viewer, widget, run):
    viewer.add_image(picture(), rgb=True, name="eye")
    run(widget)
    before = list(viewer.layers)
    widget.tta.value = "d4"
    run(widget)
    assert list(viewer.layers) == before
    assert np.array_equal(before[1].data, segmented(picture(), tta="d4"))
    assert before[2].metadata["tta"] == "d4"
    del viewer.layers["eye vessels"]
    run(widget)
    assert names(viewer) == ["eye", "eye probability", "eye vessels"]


def test_each_image_has_its_own_results(viewer, widget, run):
    for seed in (1, 2):
        viewer.add_image(picture(seed=seed), rgb=True, name=f"eye {seed}")
        run(widget)
    kept = viewer.layers["eye 1 vessels"].data.copy()
    widget.threshold.value = 0.2
    assert np.array_equal(viewer.layers["eye 1 vessels"].data, kept)
    for seed in (1, 2):
        expected = segmented(picture(seed=seed))
        assert np.array_equal(viewer.layers[f"eye {seed} probability"].data, expected)


def test_stacks_go_plane_by_plane(viewer, widget, run):
    colour = np.stack([picture(seed=seed) for seed in range(2)])
    grey = np.stack([picture(seed=seed)[..., 1] for seed in range(3)])
    for stack, rgb in ((colour, True), (grey, False), (colour[None], True), (grey[:, None], False)):
        viewer.layers.clear()
        viewer.add_image(stack, rgb=rgb, name="stack")
        run(widget)
        planes = stack.reshape(-1, *colour.shape[1:] if rgb else grey.shape[1:])
        expected = np.stack([segmented(plane) for plane in planes])
        found = viewer.layers["stack probability"].data
        assert found.shape == (stack.shape[:-1] if rgb else stack.shape)
        assert np.array_equal(found.reshape(expected.shape), expected)
        assert viewer.layers["stack vessels"].data.shape == found.shape


def test_lazy_and_multiscale_layers_are_used_in_full(viewer, widget, run):
    image = picture(160, 128)
    expected = segmented(image)
    lazy = da.from_array(image, chunks=(50, 50, 3))
    for data, multiscale in ((lazy, False), ([image, image[::2, ::2], image[::4, ::4]], True)):
        viewer.layers.clear()
        viewer.add_image(data, rgb=True, multiscale=multiscale, name="eye")
        run(widget)
        assert np.array_equal(viewer.layers["eye probability"].data, expected)


def test_an_array_is_looked_up_and_not_kept_where_it_need_not_be():
    array, unreferable = np.zeros((3, 4)), object()
    found, kept = lookup(array), lookup(unreferable)
    assert found() is array
    assert kept() is unreferable
    del array
    assert found() is None
