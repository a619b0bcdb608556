"""The benchmark of a graphics card, as far as it runs without one."""

import sys
from pathlib import Path

import pytest
import torch

from napari_saunetv2.models import checkpoint

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
gpu = pytest.importorskip("gpu")


@pytest.fixture(autouse=True)
def without_a_card(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gpu, "DEVICE", "cpu")
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)


def test_it_reads_the_bundled_model_by_itself():
    own, known = gpu.load().state_dict(), checkpoint.load("saunetv2-general").network.state_dict()
    assert own.keys() == known.keys()
    assert all(torch.equal(own[name], known[name]) for name in known)


def test_the_largest_batch_is_the_last_that_fits(monkeypatch: pytest.MonkeyPatch):
    def forward(network, images, precision):
        def run():
            if len(images) > 4:
                raise torch.OutOfMemoryError("too many")

        return run

    monkeypatch.setattr(gpu, "forward", forward)
    monkeypatch.setattr(gpu, "_each", lambda run, seconds: run() or 1.0)
    assert gpu.best_batch(torch.nn.Identity(), 8, "float32", 0.0) == (4, 4.0)


def test_nccl_is_left_also_when_it_does_not_add_up(monkeypatch: pytest.MonkeyPatch):
    import torch.distributed as dist

    start = dist.init_process_group
    monkeypatch.setattr(dist, "is_nccl_available", lambda: True)
    monkeypatch.setattr(dist, "init_process_group", lambda _, device_id, **rest: start("gloo", **rest))
    monkeypatch.setattr(torch.cuda.nccl, "version", lambda: (2, 27, 3))
    assert gpu.nccl() == "starts and adds up (2.27.3)"

    def broken(total):
        raise RuntimeError("no card\nand more")

    monkeypatch.setattr(dist, "all_reduce", broken)
    assert gpu.nccl() == "does not start: no card"
    assert not dist.is_initialized()
