import pytest
from measuring import PLUGIN, WIDGET, Mouse
from napari.components import ViewerModel
from qtpy.QtCore import Qt

from napari_saunetv2.plugin.measure.widget import MeasureWidget
from napari_saunetv2.plugin.session import autosave


@pytest.fixture(autouse=True)
def _own_copies(tmp_path, monkeypatch):
    monkeypatch.setenv("SAUNETV2_MODELS", str(tmp_path / "models"))


@pytest.fixture
def widget(viewer):
    _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, WIDGET)
    return widget


@pytest.fixture
def settle(qtbot):
    """Wait until all is measured and shown."""

    def wait(widget):
        def done():
            following = widget.following
            waits = following._live._debouncer._timer.isActive() or following._latest._job is not None
            return widget.panel.job is None and not waits and not widget.panel.turns._waiting

        qtbot.waitUntil(done, timeout=60_000)

    return wait


@pytest.fixture
def run(qtbot, settle):
    """Press the button with the mouse and wait for the end."""

    def press(widget):
        assert widget.run.enabled, widget.status.value
        qtbot.mouseClick(widget.run.native, Qt.MouseButton.LeftButton)
        settle(widget)
        return widget.results.measured

    return press


@pytest.fixture
def mouse(viewer, qtbot):
    """The mouse on the canvas of a window that is shown."""
    viewer.window.resize(1280, 800)
    viewer.show()
    qtbot.waitUntil(viewer.window._qt_window.isVisible, timeout=60_000)
    return Mouse(viewer)


@pytest.fixture
def model():
    """A viewer without a window, for what needs none."""
    viewer = ViewerModel()
    yield viewer
    autosave.watch(viewer).close()


@pytest.fixture
def panel(model, qtbot):
    """The widget of that viewer."""
    panel = MeasureWidget(model)
    qtbot.addWidget(panel.native)
    return panel
