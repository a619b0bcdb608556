import pytest
from qtpy.QtCore import Qt
from segmenting import PLUGIN, WIDGET, Hold

from napari_saunetv2.inference import passes, preflight
from napari_saunetv2.models import checkpoint
from tiny import save_model


@pytest.fixture(autouse=True)
def models(tmp_path, monkeypatch):
    """An empty folder for the user's models: the tests must not see those of whoever runs them."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv(checkpoint.FOLDER_VARIABLE, str(folder))
    return folder


@pytest.fixture
def tiny(models):
    """A model that takes no time, for pictures whose field of view is 60 pixels wide."""
    save_model(models / "tiny.safetensors", fov_diameter=60.0)
    return "tiny"


@pytest.fixture
def widget(viewer):
    _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, WIDGET)
    widget.rescale.value = "off"  # else the small pictures here would be blown up first
    widget.engine.value, widget.precision.value = "torch", "float32"  # which the answers are compared with
    return widget


@pytest.fixture
def finish(qtbot):
    """Wait for the end of a run."""

    def wait(widget):
        qtbot.waitUntil(widget.progress.native.isHidden, timeout=300_000)

    return wait


@pytest.fixture
def run(finish, qtbot):
    """Press the button with the mouse and wait for the end."""

    def press(widget):
        assert widget.run.enabled, widget.status.value
        qtbot.mouseClick(widget.run.native, Qt.MouseButton.LeftButton)
        finish(widget)

    return press


@pytest.fixture
def hold(monkeypatch):
    held = Hold()
    monkeypatch.setattr(passes, "steps", held.steps)
    # The card times a pass of the network: it would be held too.
    monkeypatch.setattr(preflight, "speed_of", lambda *_: preflight.Speed(1e-6, 0))
    yield held
    held.go.set()
