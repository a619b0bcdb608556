import numpy as np
import pytest
import torch

from following import follow
from napari_saunetv2 import checkpoint, devices, fallback, inference
from napari_saunetv2.errors import DeviceError
from napari_saunetv2.imaging.synthetic import fundus

IMAGE = fundus((200, 600), fov_diameter=190).image


class Memory:
    """Stands in for the network on a device that holds tiles of up to so many pixels."""

    def __init__(self, monkeypatch, largest, error):
        self.largest, self.error, self.tried = largest, error, []
        monkeypatch.setattr(inference, "steps", self.steps)
        monkeypatch.setattr(devices, "resolve", lambda name: torch.device(name.replace("auto", "cuda")))
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: False)  # torch 2.4 asks the driver

    def steps(self, image, model, *, device, tile, **settings):
        self.tried.append((device, tile))
        yield inference.Progress(0, 2)
        side = max(image.shape[:2]) if isinstance(tile, str) else tile
        if side > self.largest.get(device, 0):
            raise self.error
        yield inference.Progress(2, 2)
        return np.full(image.shape[:2], 0.5, np.float32)


FULL = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")


def test_enough_memory_changes_nothing():
    states, answer = follow(fallback.steps(IMAGE[:64, :64], checkpoint.DEFAULT, rescale="off"))
    assert np.array_equal(answer.probability, inference.segment(IMAGE[:64, :64], rescale="off"))
    assert (answer.device, answer.tile, answer.notice) == ("cpu", "auto", "")
    assert states[-1] == (1, "cpu", "")


def test_smaller_tiles_first(monkeypatch):
    memory = Memory(monkeypatch, {"cuda": 300}, FULL)
    states, answer = follow(fallback.steps(IMAGE, "saunetv2-drive", rescale="off"))
    assert memory.tried == [("cuda", "auto"), ("cuda", 300)]
    assert (answer.device, answer.tile) == ("cuda", 300)
    assert "smaller tiles of 300" in answer.notice
    assert states[-1].notice == answer.notice


def test_then_the_cpu(monkeypatch):
    memory = Memory(monkeypatch, {"cpu": 1000}, FULL)
    _, answer = follow(fallback.steps(IMAGE, "saunetv2-drive", rescale="off"))
    assert memory.tried == [("cuda", "auto"), ("cuda", 300), ("cuda", 256), ("cpu", "auto")]
    assert answer.device == "cpu"
    assert "on the CPU instead" in answer.notice


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("not enough memory: you tried to allocate")])
def test_then_it_says_so(monkeypatch, error):
    Memory(monkeypatch, {}, error)
    with pytest.raises(DeviceError, match="shrink the image"):
        follow(fallback.steps(IMAGE, "saunetv2-drive", device="cpu", rescale="off"))


def test_another_failure_goes_on(monkeypatch):
    memory = Memory(monkeypatch, {}, RuntimeError("bad kernel"))
    with pytest.raises(RuntimeError, match="bad kernel"):
        follow(fallback.steps(IMAGE, "saunetv2-drive", rescale="off"))
    assert len(memory.tried) == 1
