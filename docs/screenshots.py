"""Make the README's picture again: the Segment widget on the synthetic sample (``make screenshots``)."""

from pathlib import Path

import napari
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

HERE = Path(__file__).parent


def main() -> None:
    viewer = napari.Viewer()
    viewer.window.resize(1500, 900)
    viewer.open_sample("napari-saunetv2", "synthetic")
    _, widget = viewer.window.add_plugin_dock_widget("napari-saunetv2", "Segment vessels")
    viewer.layers.selection.active = viewer.layers["synthetic"]
    viewer.reset_view()
    widget.run.native.click()
    while "synthetic vessels" not in viewer.layers:
        QApplication.processEvents()
    QTimer.singleShot(1500, lambda: _save(viewer))
    napari.run()


def _save(viewer: napari.Viewer) -> None:
    (HERE / "images").mkdir(exist_ok=True)
    viewer.screenshot(HERE / "images" / "segment.png", canvas_only=False, flash=False)
    viewer.close()


if __name__ == "__main__":
    main()
