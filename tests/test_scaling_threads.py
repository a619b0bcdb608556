"""How many threads a product of matrices has does not decide a bit of what is scaled."""

import os
import subprocess
import sys

SCRIPT = """
import hashlib
import numpy as np
from napari_saunetv2.imaging.scale import resize
draw = np.random.default_rng(0)
for height, width, to in ((640, 640, 64), (700, 700, 64), (584, 565, 300), (300, 280, 900)):
    image = draw.integers(0, 256, (height, width, 3), np.uint8)
    print(hashlib.sha256(resize(image, to, to).tobytes()).hexdigest())
"""


def scaled(threads: int) -> str:
    limits = {name: str(threads) for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    command = [sys.executable, "-c", SCRIPT]
    return subprocess.run(command, env=os.environ | limits, capture_output=True, text=True, check=True).stdout


def test_one_thread_and_two_scale_to_the_same_bits():
    one = scaled(1)
    assert len(one.split()) == 4
    assert scaled(2) == one
