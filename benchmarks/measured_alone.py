"""One measurement in a process of its own; prints numbers for benchmarks/inference.py.

``once ENGINE PRECISION``: MB of the imported process, and of the peak above it for a first image.
``large ENGINE PRECISION FOLDER``: the same for FOLDER/in.tif to FOLDER/out-ENGINE.tif, and its seconds.
"""

import importlib
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil

from napari_saunetv2 import inference
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.files import tiled
from napari_saunetv2.inference import large
from napari_saunetv2.models import checkpoint

_MODULES = {"torch": "torch", "openvino": "openvino", "onnx": "onnxruntime"}


class Peak(threading.Thread):
    """Look every 5 ms at the memory that is this process's own: mapped files of any size are not."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.highest = self.now()
        self.start()

    def run(self) -> None:
        while True:
            self.highest = max(self.highest, self.now())
            time.sleep(0.005)

    @staticmethod
    def now() -> float:
        told = psutil.Process().memory_info()
        return (told.rss - getattr(told, "shared", 0)) / 2**20


def main() -> None:
    what, engine, precision, *rest = sys.argv[1:]
    importlib.import_module(_MODULES[engine])
    peak = Peak()
    before = peak.now()
    how = {"engine": engine, "precision": precision}
    begun = time.perf_counter()
    if what == "once":
        image = np.random.default_rng(0).integers(0, 256, (592, 592, 3), np.uint8)
        inference.segment(image, checkpoint.load(), rescale="off", **how)
    else:
        folder = Path(rest[0])
        large.segment(
            tiled.opened(folder / "in.tif"),
            folder / f"out-{engine}.tif",
            checkpoint.load(),
            InferenceConfig(**how),
        )
    print(before, peak.highest - before, time.perf_counter() - begun)


if __name__ == "__main__":
    main()
