"""A training in two processes against the same in one."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from napari_saunetv2 import datasets
from napari_saunetv2.errors import SettingsError
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.models import checkpoint
from napari_saunetv2.training import Pair, Recipe, TrainConfig, processes
from napari_saunetv2.training.augmentation import Augmentation
from napari_saunetv2.training.state import saved_step
from napari_saunetv2.training.views import batch, prepare
from processes import gradients
from processes.__main__ import TINY

pytestmark = pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without distributed")

ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]),
    "OMP_NUM_THREADS": "1",
}


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    """Two photographs in DRIVE's layout."""
    for number in (21, 22):
        sample = fundus((64, 64), number)
        for name, pixels in {
            f"images/{number}_training.tif": sample.image,
            f"1st_manual/{number}_manual1.gif": sample.vessels * np.uint8(255),
            f"mask/{number}_training_mask.gif": np.full((64, 64), 255, np.uint8),
        }.items():
            path = tmp_path / "DRIVE/training" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    return tmp_path / "DRIVE"


def _in_two(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m",
         *map(str, arguments)],
        env={**ENVIRONMENT, **environment}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_two_processes_find_the_gradients_of_one(tmp_path, monkeypatch):
    """MCC, DropBlock, BatchNorm and the weights of pixels look at the whole batch."""
    done = _in_two("processes.gradients", tmp_path / "gradients.pt")
    assert done.returncode == 0, done.stderr
    two = torch.load(tmp_path / "gradients.pt", weights_only=True)
    gradients.in_double_precision(monkeypatch.setattr)
    one = gradients.gradients()
    assert one["rsan.loss"] != one["saunet.loss"]
    for name, gradient in one.items():
        torch.testing.assert_close(two[name], gradient, rtol=0, atol=1e-12)


def test_two_processes_stop_resume_and_end_at_the_weights_of_one(drive, tmp_path):
    command = ["processes", "train", drive, "-o", tmp_path / "two", "--recipe=tiny", "--device=cpu"]
    stopped = _in_two(*command, SAUNETV2_STOP_AT="6")  # in the second cycle of 4 steps
    assert stopped.returncode != 0
    assert saved_step(tmp_path / "two") == 2
    resumed = _in_two(*command, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stdout.count("Model:") == 1  # one process speaks
    pairs = [Pair(s.name, s.image(), s.labels(), s.fov()) for s in datasets.read(drive)]
    list(Recipe((TINY, TINY)).train(pairs, tmp_path / "one", device="cpu"))
    one, two = (checkpoint.load(tmp_path / run / "model.safetensors").network for run in ("one", "two"))
    for name, tensor in one.state_dict().items():
        torch.testing.assert_close(two.state_dict()[name], tensor, rtol=0, atol=1e-6)
    logs = [(tmp_path / run / "log.csv").read_text().splitlines()[1:] for run in ("one", "two")]
    for line, other in zip(*logs, strict=True):  # step, loss, validation F1, learning rate; then seconds
        np.testing.assert_allclose(*(np.float64(x.split(",")[:4]) for x in (line, other)), atol=2e-6)


def test_a_batch_that_cannot_be_shared_is_refused(monkeypatch):
    monkeypatch.setattr(processes, "size", lambda: 3)
    with pytest.raises(SettingsError, match="batch is 4: 3 processes"):
        processes.share(4)


def test_a_share_of_a_batch_is_that_part_of_it():
    config = TrainConfig(batch=4, crop=32, augmentation=Augmentation(unresampled=0.5))
    sample = fundus((64, 64), 0)
    images = [prepare(Pair("eye", sample.image, sample.vessels), config)]
    for step in range(4):
        whole, part = (batch(images, config, step, share) for share in (slice(None), slice(2, 4)))
        for all_, own in zip(whole[:2], part[:2], strict=True):
            assert torch.equal(all_[2:], own)
