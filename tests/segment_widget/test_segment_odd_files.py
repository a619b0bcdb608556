"""Files whose kind napari's own reader does not know, from the disk to the vessels."""

import numpy as np
import pytest
from segmenting import EXACT

from napari_saunetv2 import files, inference
from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.plugin.common.layers import OBSERVERS
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


OPENED = {
    "palette": (masks.PALETTES["gif, vessel first"], masks.TRUE),
    "colours": (masks.COLOURS["red and blue on white"], masks.KIND),
    "numbers": (masks.NUMBERS["0 1 2"], masks.KIND),
    "shades": (masks.NUMBERS["0 128 255"], masks.KIND),
    "single vessels": (masks.SINGLES["uint16"], masks.SINGLE),
    "alpha": (masks.ALPHA["black on clear black"], masks.TRUE),
    "soft": (masks.SHADES["png"], masks.SOFT > 127),
    "not judged": (masks.IGNORED["-1 0 1"], np.where(masks.TOP, 255, masks.TRUE)),
}


LIKE_A_DATA_SET = {".gif": "01_manual1", ".png": "Image_01L_1stHO", ".tif": "01_h"}


@pytest.mark.parametrize("ours", [True, False])
@pytest.mark.parametrize("kind", OPENED)
def test_a_mask_opens_as_labels_that_keep_its_classes(viewer, tmp_path, ours, kind):
    make, expected = OPENED[kind]
    path = make(tmp_path)
    name = "mine_vessels" if ours else LIKE_A_DATA_SET[path.suffix]
    path = path.rename(path.with_name(name + path.suffix))
    (layer,) = viewer.open(path, plugin="napari-saunetv2")
    assert layer._type_string == "labels"
    np.testing.assert_array_equal(layer.data, expected)
    shown = np.unique(expected)[1:]
    assert all(layer.get_color(int(one))[3] == 1 for one in shown)
    if len(shown) == 2:
        assert tuple(layer.get_color(shown[0])) != tuple(layer.get_color(shown[1]))


@pytest.mark.parametrize(
    ("name", "number"),
    [("01_manual1.gif", 0), ("01_manual2.gif", 1), ("Image_02R_1stHO.png", 0), ("Image_02R_2ndHO.png", 1)],
)
def test_observers_have_colours_of_their_own(viewer, tmp_path, name, number):
    (layer,) = viewer.open(files.write_mask(tmp_path / name, masks.TRUE), plugin="napari-saunetv2")
    np.testing.assert_allclose(layer.get_color(1), OBSERVERS[number])


@pytest.mark.parametrize("top", [0.0, 1.0])
def test_the_share_of_the_field_of_view_is_said_and_doubted(viewer, widget, run, tiny, top):
    eye = fundus((120, 140), 3)
    viewer.add_image(eye.image, rgb=True, name="eye")
    widget.model.value = tiny
    run(widget)
    vessels, inside = viewer.layers["eye vessels"], field_of_view.detect(to_unit(eye.image))
    widget.threshold.value = 0.99 if top == 0 else 0.01
    share = (vessels.data[inside] != 0).mean()
    assert share == pytest.approx(top, abs=1e-3)
    assert ("Nothing in the" if top == 0 else "100 % of the") in widget.status.value
    found = viewer.layers["eye probability"].data
    widget.threshold.value = round(float(np.quantile(found[inside], 0.88)), 2)
    share = (vessels.data[inside] != 0).mean()
    assert widget.status.value.startswith("Done: eye, ")
    shown = f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"
    assert f"{shown} of the field of view is vessel" in widget.status.value


LARGE = fundus((144, 192), 5).image
SHOWN_OTHERWISE = {
    **{f"cmyk {name}": make for name, make in odd.CONVERTED.items() if name in ("cmyk", "cmyk, deflate")},
    "cmyk jpeg": odd.FORMATS["cmyk jpeg"],
    "palette": odd.PALETTES["tif"],
    "palette, LZW": odd.PALETTES["tif, LZW"],
    "white is zero": odd.GREYS["white is zero"],
    "12 bits": odd.STATED["sBIT"],
}


@pytest.mark.parametrize("name", SHOWN_OTHERWISE)
def test_what_napari_shows_in_other_colours_is_segmented_as_everywhere_and_said(
    viewer, widget, run, tiny, tmp_path, name
):
    path = SHOWN_OTHERWISE[name](tmp_path)
    viewer.open(path, plugin="napari")
    widget.model.value = tiny
    run(widget)
    expected = inference.segment(files.read_image(path), tiny, rescale="off", **EXACT)
    np.testing.assert_allclose(found(viewer, "probability").data, expected, atol=1e-6)
    assert widget.status.value.count("as the command line reads it") == 1


def test_a_layer_that_somebody_changed_is_segmented_as_it_is(viewer, widget, run, tiny, tmp_path):
    viewer.open(odd.PALETTES["tif"](tmp_path), plugin="napari")
    viewer.layers[0].data = 255 - viewer.layers[0].data
    widget.model.value = tiny
    run(widget)
    expected = inference.segment(viewer.layers[0].data, tiny, rescale="off", **EXACT)
    np.testing.assert_allclose(found(viewer, "probability").data, expected, atol=1e-6)
    assert "command line" not in widget.status.value


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (odd.REFUSED["CIELAB"], "CIELAB"),
        (
            lambda f: odd.pages(f, (LARGE[::4, ::4], {"subfiletype": 1}), (LARGE, {})),
            "photograph is 192 x 144",
        ),
        (lambda f: odd.pages(f, (LARGE[::3, ::3], {}), (LARGE, {})), "photograph is 192 x 144"),
    ],
)
def test_what_napari_shows_wrongly_is_refused(viewer, widget, qtbot, tiny, tmp_path, make, says):
    viewer.open(make(tmp_path), plugin="napari")
    widget.model.value = tiny
    qtbot.waitUntil(lambda: says in widget.card.value, timeout=60_000)
    widget.run.native.click()
    qtbot.waitUntil(lambda: widget.panel.job is None, timeout=60_000)
    assert says in widget.status.value
    assert len(viewer.layers) == 1


def test_the_card_says_what_the_reader_remarked_once(viewer, widget, qtbot, tiny, tmp_path):
    viewer.open(odd.FORMATS["mpo"](tmp_path), plugin="napari")
    widget.model.value = tiny
    qtbot.waitUntil(lambda: "2 images" in widget.card.value, timeout=60_000)
    assert widget.card.value.count("2 images") == 1


@pytest.mark.data
@pytest.mark.parametrize("name", ["ome_cyx.ome.tif", "planar_separate.tif"])
def test_a_stranger_s_planes_of_colour_are_one_photograph(shared, viewer, widget, run, tiny, name):
    path = shared / "odd_files" / "photographs" / name
    viewer.open(path, plugin="napari")
    widget.model.value = tiny
    run(widget)
    expected = inference.segment(files.read_image(path), tiny, rescale="off", **EXACT)
    np.testing.assert_allclose(found(viewer, "probability").data, expected, atol=1e-6)
