"""The pairs of engine and precision, and what a runner is."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.config import Engine, Precision

Pair: TypeAlias = tuple[Engine, Precision]

Runner: TypeAlias = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""From a canvas, shape (H, W, 3), to the probability of every class, (classes, H, W)."""

PAIRS: tuple[Pair, ...] = (
    ("torch", "float32"),
    ("torch", "bfloat16"),
    ("openvino", "float32"),
    ("openvino", "bfloat16"),
    ("openvino", "int8"),
    ("onnx", "float32"),
)
"""The precisions of every engine."""
