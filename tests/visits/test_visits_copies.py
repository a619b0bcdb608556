"""The files behind a comparison that is copied as a command: each layer has one of its own."""

import shlex

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.files import read_image, read_mask
from napari_saunetv2.plugin.visits.copies import command
from napari_saunetv2.plugin.visits.run import Request
from napari_saunetv2.plugin.visits.side import Side
from napari_saunetv2.progress import drain

pytestmark = pytest.mark.gui


@pytest.mark.parametrize("name", ["a_vessels", "a_photograph", "A", "a"])
def test_no_layer_is_written_over_another(tmp_path, monkeypatch, name):
    monkeypatch.setenv("SAUNETV2_MODELS", str(tmp_path / "models"))
    viewer, draw, sides, given = ViewerModel(), np.random.default_rng(0), [], []
    for which, title in (("earlier", "a"), ("later", name)):
        photograph = draw.integers(0, 256, (20, 30, 3), np.uint8)
        vessels = draw.integers(0, 2, (20, 30), np.uint8)
        given += [photograph, vessels]
        layers = viewer.add_image(photograph, rgb=True, name=title), viewer.add_labels(vessels, name="mask")
        sides.append(Side.of(which, *layers, None))
    words = shlex.split(drain(command(Request(*sides, InferenceConfig()))))
    earlier, later = words[2:4]
    masks = [words[words.index(option) + 1] for option in ("--earlier-vessels", "--later-vessels")]
    seen = [read_image(earlier), read_mask(masks[0]), read_image(later), read_mask(masks[1])]
    for written, layer in zip(seen, given, strict=True):
        np.testing.assert_array_equal(written != 0, layer != 0)
