"""Make the pictures of all widgets and pages again, on synthetic photographs (``make screenshots``).

``python docs/screenshots.py light FOLDER`` shows how they look in napari's light theme; ``dark FOLDER browse
study`` makes these pictures alone. The pages of a study are drawn by Chromium, if it is installed.
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
from scipy import ndimage  # noqa: E402

from napari_saunetv2.files import write_image  # noqa: E402
from napari_saunetv2.imaging.synthetic import fundus  # noqa: E402
from napari_saunetv2.measure import measure as measure_vessels  # noqa: E402
from napari_saunetv2.study import verdicts  # noqa: E402
from napari_saunetv2.study.layout import Layout  # noqa: E402

THEME = sys.argv[1] if len(sys.argv) > 1 else "dark"
IMAGES = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent / "images"
PLUGIN = "napari-saunetv2"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
REVIEWED = {
    "ada/2024-01-11/OD": "accepted",
    "ada/2024-01-11/OS": "accepted",
    "ada/2024-07-02/OD": "set aside",
}


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    made = (segment, arteries_veins, measure, finetune, evaluate, browse, visits, study)
    pictures = {one.__name__: one for one in made}
    for name in sys.argv[3:] or pictures:
        pictures[name]()


def segment() -> None:
    with _window("segment", "Segment vessels") as (viewer, widget):
        viewer.open_sample(PLUGIN, "synthetic")
        viewer.layers.selection.active = viewer.layers["synthetic"]
        _wait(lambda: bool(widget.card.value))
        widget.run.native.click()
        _wait(lambda: "synthetic vessels" in viewer.layers and bool(widget.card.value))


def arteries_veins() -> None:
    with _window("arteries-veins", "Segment vessels") as (viewer, widget):
        viewer.open_sample(PLUGIN, "synthetic")
        viewer.layers.selection.active = viewer.layers["synthetic"]
        widget.model.value = "saunetv2-av"
        _wait(lambda: bool(widget.card.value))
        widget.run.native.click()
        _wait(lambda: widget.panel.job is None)
        found = "synthetic arteries and veins [1]"  # beside the exact ones of the sample
        _wait(lambda: found in viewer.layers and viewer.layers[found].data.any())
        _wait(lambda: bool(widget.card.value))


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
        widget.reviewer.value = "A. L."
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


def visits() -> None:
    earlier, later = two_visits()
    with _window("visits", "Compare visits") as (viewer, widget):
        for name, picture in (("2019", earlier), ("2024", later)):
            viewer.add_image(picture, rgb=True, name=name)
        widget.run.native.click()
        _wait(lambda: widget.panel.job is None and not widget.panel.turns._waiting)
    with _window("visits-vessel", "Compare visits", reset=False) as (viewer, widget):
        for name, picture in (("2019", earlier), ("2024", later)):
            viewer.add_image(picture, rgb=True, name=name)
        widget.run.native.click()
        _wait(lambda: widget.panel.job is None and not widget.panel.turns._waiting)
        table = widget.views_of.compared.ranked
        widget.table.go(int(table["label"].iloc[0]))


def two_visits() -> tuple[np.ndarray, np.ndarray]:
    """A synthetic eye, and the same turned and bent, with one vessel wider and one gone."""
    eye = fundus(seed=0)
    found = measure_vessels(eye.vessels, fov=eye.fov)
    table = found.segments
    away = table[table["column"] < 330]  # from the disc, where vessels lie side by side
    wide = away[away["width_median"] > 5]["length"].idxmax()
    fine = table[table["width_median"] < 4].drop(index=wide, errors="ignore")["length"].idxmax()
    picture = eye.image.astype(float)
    size = (5, 5, 1)
    for label, changed in (
        (wide, ndimage.grey_erosion(picture, size)),
        (fine, ndimage.grey_closing(picture, (15, 15, 1))),
    ):
        near = ndimage.binary_dilation(found.labels == label, iterations=4)
        soft = ndimage.gaussian_filter(near.astype(float), 1)[..., None]
        picture = (1 - soft) * picture + soft * changed
    turn = np.radians(6)
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) / 1.04
    middle = (np.array(picture.shape[:2]) - 1) / 2
    rows, columns = np.indices(picture.shape[:2])
    at = np.tensordot(turned, np.stack([rows - middle[0] - 12, columns - middle[1] + 9]), 1)
    at += middle[:, None, None] + np.sin(2 * np.pi * at[::-1] / 300)
    planes = [ndimage.map_coordinates(picture[..., n], at, order=1) for n in range(3)]
    later = np.clip(0.92 * np.stack(planes, -1), 0, 255)
    return eye.image, np.rint(later).astype(np.uint8)


def study() -> None:
    """Do a study with the command, accept and set aside as in the window, and draw its report and a page."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print(f"The pages of a study are left as they are: none of {', '.join(BROWSERS)} is installed.")
        return
    folder, out = _tree(_HOME / "study" / "photographs"), _HOME / "study" / "out"
    words = [sys.executable, "-m", "napari_saunetv2.cli", "study", str(folder), "-o", str(out)]
    words += ["--model", "saunetv2-av"]
    subprocess.run(words, check=False)  # it ends with 1, for one file is damaged
    for name, verdict in REVIEWED.items():
        verdicts.review(Layout(out), name, f"{name}.png", verdict, "A. L.")
    subprocess.run(words, check=False)
    _draw(browser, Layout(out).report(1), "study-report", 1560)
    _draw(browser, Layout(out).page(next(iter(REVIEWED))), "study-page", 1240)


def _draw(browser: str, page: Path, name: str, height: int) -> None:
    """Let a browser draw the upper part of a page."""
    scheme = 1 if THEME == "light" else 0
    options = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        f"--window-size=1200,{height}",
    ]
    options += [f"--blink-settings=preferredColorScheme={scheme}", f"--user-data-dir={_HOME / 'browser'}"]
    subprocess.run(
        [browser, *options, f"--screenshot={IMAGES.resolve() / name}.png", page.as_uri()],
        check=True, capture_output=True,
    )  # fmt: skip


def _tree(folder: Path) -> Path:
    """Write synthetic eyes into folders of patients and visits; one is dark, and one file is damaged."""
    visits = ("ada/2024-01-11", "ada/2024-07-02", "ben/2023-05-02")
    names = [f"{visit}/{eye}.png" for visit in visits for eye in ("OD", "OS")]
    for seed, name in enumerate(names):
        eye = fundus((292, 282), seed)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(folder / name, (eye.image * (0.3 if seed == 3 else 1)).astype(np.uint8))
    (folder / names[-1]).write_bytes(b"damaged")
    (folder / "list of patients.txt").write_text("Ada, Ben")
    return folder


@contextmanager
def _window(name: str, widget: str, *, reset: bool = True) -> Iterator[tuple[napari.Viewer, object]]:
    viewer = napari.Viewer()
    viewer.theme = THEME
    viewer.window.resize(1280, 800)
    yield viewer, viewer.window.add_plugin_dock_widget(PLUGIN, widget)[1]
    if reset:
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
