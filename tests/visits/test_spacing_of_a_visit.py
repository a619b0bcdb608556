"""A spacing that is no length is refused in one sentence."""

import numpy as np
import pytest

from napari_saunetv2.errors import SettingsError
from napari_saunetv2.visits import Visit


@pytest.mark.parametrize("spacing", [0, -3.0, float("nan"), float("inf"), "20", True, 1e-300])
def test_what_is_no_length_is_refused(spacing):
    with pytest.raises(SettingsError, match=r"The spacing of 'photograph' is .*: give micrometres a pixel"):
        Visit(np.ones((9, 9)), spacing=spacing)
