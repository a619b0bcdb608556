"""Make the pictures of all widgets again, on synthetic photographs (``make screenshots``).

``python docs/screenshots.py light FOLDER`` shows how they look in napari's light theme.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# The pictures show what everybody has: no models, copies or runs of whoever makes them.
_HOME = Path(tempfile.mkdtemp(prefix="photographs-"))
os.environ |= {"XDG_DATA_HOME": str(_HOME), "SAUNETV2_MODELS": str(_HOME), "NAPARI_CONFIG": ""}

import napari  # noqa: E402
import numpy as np  # noqa: E402
from qtpy.QtTest import QTest  # noqa: E402

from napari_saunetv2.files import write_image, write_mask  # noqa: E402
from napari_saunetv2.imaging.synthetic import fundus  # noqa: E402

THEME = sys.argv[1] if len(sys.argv) > 1 else "dark"
IMAGES = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent / "images"
PLUGIN = "napari-saunetv2"


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    for picture in (segment, measure, finetune, evaluate, browse):
        picture()


def segment() -> None:
    with _window("segment", "Segment vessels") as (viewer, widget):
        viewer.open_sample(PLUGIN, "synthetic")
        viewer.layers.selection.active = viewer.layers["synthetic"]
        _wait(lambda: bool(widget.card.value))
        widget.run.native.click()
        _wait(lambda: "synthetic vessels" in viewer.layers and bool(widget.card.value))


def measure() -> None:
    with _window("measure", "Measure vessels") as (viewer, widget):
        viewer.open_sample(PLUGIN, "synthetic")
        viewer.layers.selection.active = viewer.layers["synthetic"]
        widget.run.native.click()
        _wait(lambda: widget.panel.job is None)
        viewer.layers.selection.active = viewer.layers["synthetic exact"]


def finetune() -> None:
    with _window("finetune", "Fine-tune a model") as (viewer, widget):
        viewer.open_sample(PLUGIN, "synthetic")
        widget.steps.value = 12
        widget.validate_every.value = 3
        widget.run.native.click()
        curve = widget.plot.f1
        _wait(lambda: curve.xData is not None and len(curve.xData) > 3)


def evaluate() -> None:
    with _window("evaluate", "Segment vessels") as (viewer, segmenter):
        viewer.open_sample(PLUGIN, "synthetic")
        viewer.layers.selection.active = viewer.layers["synthetic"]
        segmenter.run.native.click()
        _wait(lambda: "synthetic vessels" in viewer.layers)
        viewer.window.remove_dock_widget(segmenter.native)
        _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, "Evaluate vessels")
        widget.run.native.click()
        _wait(lambda: widget.panel.job is None)


def browse() -> None:
    root = _data_set(_HOME / "photographs" / "DRIVE")
    with _window("browse", "Browse a data set") as (viewer, widget):
        widget.folder.value = root
        widget.split.value = "test"
        widget.next.native.click()
        _wait(lambda: "01_test" in viewer.layers)
        widget.score_all.native.click()
        _wait(lambda: widget.panel.job is None)


def _data_set(root: Path) -> Path:
    """Write synthetic eyes in the layout of DRIVE."""
    for seed in range(4):
        eye = fundus((292, 282), seed)
        for part, pixels in {
            f"images/{seed + 1:02}_test.tif": eye.image,
            f"mask/{seed + 1:02}_test_mask.gif": eye.fov,
            f"1st_manual/{seed + 1:02}_manual1.gif": eye.vessels,
            f"2nd_manual/{seed + 1:02}_manual2.gif": np.roll(eye.vessels, 1, 0),
        }.items():
            path = root / "test" / part
            path.parent.mkdir(parents=True, exist_ok=True)
            (write_image if path.suffix == ".tif" else write_mask)(path, pixels)
    return root


@contextmanager
def _window(name: str, widget: str) -> Iterator[tuple[napari.Viewer, object]]:
    viewer = napari.Viewer()
    viewer.theme = THEME
    viewer.window.resize(1280, 800)
    yield viewer, viewer.window.add_plugin_dock_widget(PLUGIN, widget)[1]
    viewer.reset_view()
    _wait(lambda: False, seconds=2)
    viewer.screenshot(IMAGES / f"{name}.png", canvas_only=False, flash=False)
    viewer.close()


def _wait(until: Callable[[], bool], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not until() and time.monotonic() < end:
        QTest.qWait(10)  # unlike processEvents it also lets replaced widgets go


if __name__ == "__main__":
    main()
