import sys
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
import torch

from following import follow
from napari_saunetv2 import cli, inference
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.engines import devices, runners
from napari_saunetv2.errors import DeviceError
from napari_saunetv2.files import write_image
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.inference import fallback
from napari_saunetv2.models import checkpoint

OFF = InferenceConfig(rescale="off")
IMAGE = fundus((600, 600), fov_diameter=900).image[:200]  # a crop, which is segmented whole


class Memory:
    """A device that holds canvases of up to so many pixels a side: what fails is the runner, as in life."""

    def __init__(self, monkeypatch, largest, error):
        self.tried = []
        monkeypatch.setattr(devices, "resolve", lambda name: torch.device(name.replace("auto", "cuda")))
        monkeypatch.setattr(runners, "choice", lambda *_: ("torch", "float32"))

        def make(model, device, *_):
            def run(canvas):
                side = max(canvas.shape[:2])
                if (str(device), side) not in self.tried:
                    self.tried.append((str(device), side))
                if side > largest.get(device.split(":")[0], 0):
                    raise error
                return np.full((1, *canvas.shape[:2]), 0.5, np.float32)

            return run

        monkeypatch.setattr(runners, "runner", make)


FULL = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")


def test_enough_memory_changes_nothing():
    states, prediction = follow(fallback.steps(IMAGE[:64, :64], checkpoint.load(), OFF))
    assert np.array_equal(prediction.probability, inference.segment(IMAGE[:64, :64], rescale="off"))
    assert (prediction.config.device, prediction.config.tile, prediction.notice) == ("cpu", "auto", "")
    assert "auto" not in (prediction.config.engine, prediction.config.precision)  # what was used
    assert (states[-1].share, states[-1].device, states[-1].notice) == (1, "cpu", "")


def test_smaller_tiles_first(monkeypatch):
    memory = Memory(monkeypatch, {"cuda": 304}, FULL)
    states, prediction = follow(fallback.steps(IMAGE, checkpoint.load("saunetv2-drive"), OFF))
    assert memory.tried == [("cuda", 608), ("cuda", 304)]
    assert (prediction.config.device, prediction.config.tile) == ("cuda", 300)
    assert "smaller tiles of 300" in prediction.notice
    assert states[-1].notice == prediction.notice


def test_then_the_cpu(monkeypatch):
    memory = Memory(monkeypatch, {"cpu": 1000}, FULL)
    _, prediction = follow(fallback.steps(IMAGE, checkpoint.load("saunetv2-drive"), OFF))
    assert memory.tried == [("cuda", 608), ("cuda", 304), ("cuda", 256), ("cpu", 608)]
    assert prediction.config.device == "cpu"
    assert "used the CPU instead" in prediction.notice


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("not enough memory: you tried to allocate")])
def test_then_it_says_so(monkeypatch, error):
    Memory(monkeypatch, {}, error)
    with pytest.raises(DeviceError, match="shrink the image"):
        follow(fallback.steps(IMAGE, checkpoint.load("saunetv2-drive"), replace(OFF, device="cpu")))


def test_another_failure_goes_on(monkeypatch):
    memory = Memory(monkeypatch, {}, RuntimeError("bad kernel"))
    with pytest.raises(RuntimeError, match="bad kernel"):
        follow(fallback.steps(IMAGE, checkpoint.load("saunetv2-drive"), OFF))
    assert len(memory.tried) == 1


def test_python_falls_back_too(monkeypatch, caplog):
    memory = Memory(monkeypatch, {"cuda": 304}, FULL)
    assert inference.segment(IMAGE, "saunetv2-drive", rescale="off").shape == IMAGE.shape[:2]
    assert memory.tried == [("cuda", 608), ("cuda", 304)]
    assert "smaller tiles of 300" in caplog.text


def test_the_command_line_falls_back_too(monkeypatch, tmp_path):
    eye = tmp_path / "eye.png"
    write_image(eye, IMAGE)
    memory = Memory(monkeypatch, {"cuda": 304}, FULL)
    command = ["saunetv2", "segment", str(eye), "-o", str(tmp_path / "out"), "--rescale", "off"]
    monkeypatch.setattr(sys, "argv", command)
    with suppress(SystemExit):
        cli.main()
    assert memory.tried == [("cuda", 608), ("cuda", 304)]
    assert (tmp_path / "out" / "eye_vessels.png").exists()
