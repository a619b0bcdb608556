"""Make the pictures of all widgets again, on synthetic photographs (``make screenshots``).

``python docs/screenshots.py light FOLDER`` shows how they look in napari's light theme.
"""

import os
import shutil
import subprocess
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

from napari_saunetv2 import cli  # noqa: E402
from napari_saunetv2.files import write_image  # noqa: E402
from napari_saunetv2.imaging.synthetic import fundus  # noqa: E402

THEME = sys.argv[1] if len(sys.argv) > 1 else "dark"
IMAGES = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent / "images"
PLUGIN = "napari-saunetv2"


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    for picture in (segment, measure, finetune, evaluate, browse, study):
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
    folder = _tree(_HOME / "photographs" / "clinic")
    with _window("browse", "Browse a data set") as (viewer, widget):
        widget.folder.value = folder
        _wait(lambda: widget.cases.rowCount() == 6)
        widget.study.native.click()
        _wait(lambda: widget.panel.job is None)
        widget.next.native.click()
        for name in ("ada/2024-01-11/OD", "ada/2024-01-11/OS"):
            _wait(lambda name=name: name in viewer.layers and widget.accept.enabled)
            widget.accept.native.click()
        _wait(lambda: "ada/2024-07-02/OD" in viewer.layers and widget.accept.enabled)
        widget.set_aside.native.click()
        _wait(lambda: "ada/2024-07-02/OS" in viewer.layers and widget.accept.enabled)
        viewer.layers.selection.active.mode = "paint"
        rows = range(widget.cases.rowCount())
        _wait(lambda: all(widget.cases.item(row, 4).text() for row in rows))


def study() -> None:
    """The report of a study and the page of a photograph, as a browser shows them; needs Chromium."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        print("Chromium was not found: the pictures of the study stay as they are.")
        return
    folder, output = _HOME / "photographs" / "hospital", _HOME / "photographs" / "study"
    photographs = _tree(folder, (584, 564))
    done = cli.app(["study", str(photographs), "-o", str(output)], standalone_mode=False)
    assert done == 1, "one file is damaged"
    for page, name, height in (
        ("report.html", "study-report", 1250),
        ("pages/ada/2024-01-11/OD.html", "study-page", 800),
    ):
        words = ["--headless", "--no-sandbox", "--hide-scrollbars", f"--window-size=1100,{height}"]
        words += [f"--screenshot={IMAGES / name}.png", (output / page).as_uri()]
        subprocess.run([browser, *words], check=True, stderr=subprocess.DEVNULL)


def _tree(folder: Path, shape: tuple[int, int] = (292, 282)) -> Path:
    """Write synthetic eyes into folders of patients and visits; one is dark, and one file is damaged."""
    visits = ("ada/2024-01-11", "ada/2024-07-02", "ben/2023-05-02")
    names = [f"{visit}/{eye}.png" for visit in visits for eye in ("OD", "OS")]
    for seed, name in enumerate(names):
        eye = fundus(shape, seed)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(folder / name, (eye.image * (0.3 if seed == 3 else 1)).astype(np.uint8))
    (folder / names[-1]).write_bytes(b"damaged")
    (folder / "list of patients.txt").write_text("Ada, Ben")
    return folder


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
