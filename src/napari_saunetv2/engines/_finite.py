"""Refuse a network whose logits are not finite: a sigmoid would turn infinity into a plausible 0 or 1."""

import numpy as np
from numpy.typing import ArrayLike

from napari_saunetv2.errors import CheckpointError


def require_finite(values: ArrayLike) -> None:
    """Raise CheckpointError if a value is infinite or not a number."""
    if not np.isfinite(values).all():
        raise CheckpointError(
            "The model's prediction is not finite: the model is damaged or was trained with too high a "
            "learning rate. Choose another model."
        )
