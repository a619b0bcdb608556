import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import npe2
import platformdirs
import pytest
import torch

# What tests paint is not offered to the user of this machine, nor theirs to the tests.
os.environ["SAUNETV2_AUTOSAVE"] = tempfile.mkdtemp(prefix="saunetv2-autosave-")

# The networks of the tests are small: threads cost them more than they bring, most of all on a busy machine.
torch.set_num_threads(1)


def pytest_configure(config: pytest.Config) -> None:
    """Give each process of a parallel run a screen of its own: on one, windows compete for the keyboard."""
    if not hasattr(config, "workerinput") or os.environ.get("QT_QPA_PLATFORM") != "xcb":
        return
    read, write = os.pipe()
    words = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"]
    screen = subprocess.Popen(words, pass_fds=[write], stderr=subprocess.DEVNULL)
    config.add_cleanup(screen.terminate)
    os.close(write)
    with os.fdopen(read) as number:
        os.environ["DISPLAY"] = f":{number.readline().strip()}"
    os.environ.pop("XAUTHORITY", None)  # that of another screen


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real photographs and reference vectors; tests that need it skip where it is not."""
    folder = Path(os.environ.get("SAUNETV2_SHARED") or Path(__file__).parents[2] / "shared")
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder} (SAUNETV2_SHARED names another place)")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Exports of models go to a folder of the tests' own, on every system; parallel processes share it."""
    patch = pytest.MonkeyPatch()
    run = tmp_path_factory.getbasetemp()
    folder = (run.parent if "PYTEST_XDIST_WORKER" in os.environ else run) / "cache"
    patch.setattr(platformdirs, "user_cache_dir", lambda *_, **__: str(folder))
    yield
    patch.undo()


@pytest.fixture(scope="session")
def plugins() -> None:
    """Let napari know its plugins, as it does when a window opens."""
    npe2.PluginManager.instance().discover()


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer()


@pytest.fixture
def in_threads():
    """Set the number of threads, for one test."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)
