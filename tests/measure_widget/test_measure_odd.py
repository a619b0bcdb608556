"""What is no clean input, in the Measure window: one sentence in the status line, and the window goes on."""

import numpy as np
import pytest
from measuring import SHAPE, add_disc, vessels

from napari_saunetv2.measure import measure

pytestmark = pytest.mark.gui


@pytest.mark.parametrize(
    ("probability", "said"),
    [
        (np.full(SHAPE, 1.5, np.float32), "leaves the range 0 to 1"),
        (np.full(SHAPE, np.nan, np.float32), "leaves the range 0 to 1"),
        (1 - vessels().astype(np.float32), "inverted"),
    ],
)
def test_a_probability_that_cannot_be_is_told(model, panel, run, probability, said):
    model.add_labels(vessels(), name="eye")
    panel.probability.value = model.add_image(probability, name="map")
    run(panel)
    assert said in panel.status.value
    assert panel.run.enabled


def test_a_ring_shaped_field_and_a_disc_in_its_hole(model, panel, run):
    y, x = np.ogrid[: SHAPE[0], : SHAPE[1]]
    away = np.hypot(y - SHAPE[0] / 2, x - SHAPE[1] / 2)
    ring = ((away > 25) & (away < 58)).astype(np.uint8)
    layer = model.add_labels(vessels(), name="eye")
    panel.fov.value = model.add_labels(ring, name="ring")
    panel.vessels.value = layer
    panel.disc.value = add_disc(model)
    found = run(panel)
    disc = found.planes[()].measurements.landmarks.disc
    expected = measure(vessels(), fov=ring, disc=disc).image
    np.testing.assert_allclose(found.image.value, expected.value)
    assert found.image.note.str.contains("is in view").any()


@pytest.mark.parametrize("typed", ["0.02", "5000"])
def test_a_scale_that_is_unlikely_is_remarked(model, panel, run, typed):
    model.add_labels(vessels(), name="eye")
    panel.spacing.value = typed
    run(panel)
    assert "unlikely on a retina" in panel.status.value
