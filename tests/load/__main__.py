"""Many images through one process, many runs in one viewer: ``PYTHONPATH=tests python -m load``."""

import argparse
import gc
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from napari_saunetv2 import batch
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.files import write_image
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.imaging.vessels import PostProcessing
from napari_saunetv2.models import checkpoint
from napari_saunetv2.progress import drain

HALF = PostProcessing(threshold=0.5)
STEEPEST = 20.0
"""KiB of memory a round may cost; a small image's arrays alone are 50."""


def main() -> int:
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("--images", type=int, default=2000)
    parse.add_argument("--runs", type=int, default=500)
    wanted = parse.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        failed = _flat("images through one process", wanted.images, _images(folder))
        if wanted.runs:
            failed += _flat("Segment runs in one viewer", wanted.runs, _viewer())
    return failed


def _flat(what: str, count: int, work: Callable[[int], None]) -> int:
    """Do a work many times and print how memory and handles grow from the first fifth on."""
    begun, seen = time.monotonic(), []
    for number in range(count):
        work(number)
        if number % max(1, count // 100) == 0:
            gc.collect()
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            handles = len(list(Path("/proc/self/fd").iterdir()))
            seen.append((number, pages * resource.getpagesize() / 1024, handles))
    rounds, memory, handles = np.array(seen[len(seen) // 5 :]).T
    slope = float(np.polyfit(rounds, memory, 1)[0])
    half = len(rounds) // 2
    late = float(np.polyfit(rounds[half:], memory[half:], 1)[0])  # what warms up is warm by then
    more = float(np.polyfit(rounds, handles, 1)[0])
    print(
        f"{count} {what} in {time.monotonic() - begun:.0f} s: {memory[-1] / 1024:.0f} MiB, {slope:+.2f} KiB "
        f"a round ({late:+.2f} in the later half), {int(handles[-1])} handles, {more:+.5f} a round",
        flush=True,
    )
    return int(min(slope, late) > STEEPEST or more > 0.01)


def _images(folder: Path) -> Callable[[int], None]:
    for number in range(10):
        write_image(folder / f"eye{number}.png", fundus((96, 96), number).image)
    model = checkpoint.load()
    options = batch.OutputOptions(folder / "out", probability=True, overlay=True, overwrite=True)
    options.folder.mkdir()

    def segment(number: int) -> None:
        name = f"eye{number % 10}"
        config = InferenceConfig(rescale="off")
        drain(batch.segment_steps(folder / f"{name}.png", name, model, config, HALF, options))

    return segment


def _viewer() -> Callable[[int], None]:
    import napari
    from qtpy.QtWidgets import QApplication

    viewer = napari.Viewer(show=False)
    _, widget = viewer.window.add_plugin_dock_widget("napari-saunetv2", "Segment vessels")
    widget.rescale.value = "off"
    viewer.add_image(fundus((64, 64), 0).image, rgb=True, name="eye")

    def run(number: int) -> None:
        done = len(viewer.layers) > 1 and viewer.layers[1].data
        widget.run.native.click()
        end = time.monotonic() + 60
        while widget.run.enabled is False or (len(viewer.layers) < 3) or viewer.layers[1].data is done:
            QApplication.processEvents()
            time.sleep(0.001)
            assert time.monotonic() < end, widget.status.value

    return run


if __name__ == "__main__":
    sys.exit(main())
