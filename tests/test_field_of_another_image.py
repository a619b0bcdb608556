"""A field of view that is given must be of the image, whatever the scale of the model."""

import numpy as np
import pytest

from napari_saunetv2 import inference
from napari_saunetv2.errors import ImageError
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.models import checkpoint
from tiny import save_model

EYE = fundus((64, 80), 1)
EXACT = {"device": "cpu", "engine": "torch", "precision": "float32"}


@pytest.mark.parametrize("about", [{}, {"fov_diameter": 60.0}, {"modality": "octa"}])
@pytest.mark.parametrize("shape", [(80, 64), (80,), (1, 1), (), (64, 80, 3)])
def test_a_field_of_another_shape_is_refused_by_every_model(tmp_path, about, shape):
    model = checkpoint.load(save_model(tmp_path / "m.safetensors", **about))
    with pytest.raises(ImageError, match=r"The field of view has shape .* the image \(64, 80\)"):
        inference.segment(EYE.image, model, fov=np.ones(shape), **EXACT)
    assert inference.segment(EYE.image, model, fov=EYE.fov, **EXACT).shape == (64, 80)
