"""What a bioimage.io package says of a model is so, whatever the model is for."""

import json

import numpy as np
import pytest

from napari_saunetv2.exchange import bioimage
from napari_saunetv2.models import checkpoint


def described(name):
    """Description and documentation of a package whose network is not run."""
    files = bioimage.package(
        checkpoint.load(name), b"network", lambda image: np.zeros((1, *image.shape[:2]), np.float32)
    )
    return json.loads(files[bioimage.DESCRIPTION]), " ".join(files["README.md"].decode().split())


def test_a_model_of_angiograms_takes_all_of_the_frame_at_its_own_scale():
    description, text = described("saunetv2-octa")
    assert "for OCT angiograms" in description["description"]
    assert "fundus" not in json.dumps(description["tags"])
    assert "in OCT angiograms" in text
    for wrong in ("field of view", "resample", "None"):
        assert wrong not in text
    assert "Divide the image by its full scale. Pad it with zeros" in text


def test_a_model_of_photographs_takes_the_field_at_its_scale():
    description, text = described("saunetv2-general")
    assert "for fundus photographs" in description["description"]
    assert "Cut it to the bounding box of the field of view and put 3% of the diameter of black" in text
    assert "540 pixels wide: resample other images to that. Pad it" in text


@pytest.mark.parametrize(
    ("dataset", "protocol", "tta", "line"),
    [
        ("drive", "whole", "none", "- drive test, whole, one view, 0.5: F1 "),
        ("drive", "whole", "d4", "- drive test, whole, 8 views, its own threshold: F1 "),
        ("hrf", "fov", "none", "- hrf all, fov, one view, 0.5: F1 "),
    ],
)
def test_each_score_is_given_with_how_it_was_taken(dataset, protocol, tta, line):
    wanted = {"dataset": dataset, "protocol": protocol, "tta": tta}
    (score,) = [s for s in checkpoint.load("saunetv2-drive").header.scores if wanted.items() <= s.items()]
    assert f"{line}{score['mean']['f1']:.4f} " in described("saunetv2-drive")[1]
