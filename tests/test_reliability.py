"""The short forms of ``make fuzz``, ``make faults`` and ``make load``; answers that must stay as they are."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_saunetv2 import checkpoint, inference
from napari_saunetv2.imaging.synthetic import fundus

HERE = Path(__file__).parent
WEIGHTS = Path(checkpoint.__file__).parent / "weights"
GOLDEN = HERE / "golden"
needs_fork = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks, and reads /proc")


def run(*arguments: str) -> str:
    """Run one of the long forms, shorter, in a process of its own: forks and windows do not mix."""
    path = os.pathsep.join([str(HERE), *sys.path])
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_fork
def test_damaged_files_and_odd_arrays_bring_only_our_errors():
    assert run("fuzz", "--files", "150", "--arrays", "60", "--seed", "7").count("faults 0") == 2


@needs_fork
def test_kills_and_full_disks_lose_nothing():
    slow = "names,out_of_memory,decimal_comma"
    told = run("faults", "--training", "2", "--batch", "1", "--saves", "4", "--pairs", "1", "--skip", slow)
    assert "FAILED" not in told
    assert told.count("\n") >= 9


@needs_fork
def test_many_images_leave_memory_and_handles_flat():
    assert "a round" in run("load", "--images", "120", "--runs", "0")


def test_the_bundled_weights_are_those_that_were_released():
    listed = dict(reversed(line.split()) for line in (WEIGHTS / "SHA256SUMS").read_text().splitlines())
    found = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in WEIGHTS.glob("*.safetensors")}
    assert found == listed, "run make weights-sums after changing a bundled model"


@pytest.mark.parametrize("model", sorted(p.stem for p in WEIGHTS.glob("*.safetensors")))
def test_the_answer_of_a_bundled_model_is_the_one_it_was_released_with(model):
    # A map in 255 steps, not its hash: another processor may round a pixel to the next step.
    golden = GOLDEN / f"{model}.png"
    assert golden.exists(), "run make weights-sums after adding a bundled model"
    from napari_saunetv2.files import read_image

    answer = inference.segment(
        fundus((160, 160), 3).image, model, rescale="off", device="cpu", engine="torch", precision="float32"
    )
    assert np.abs(read_image(golden) / 255 - answer).max() <= 0.5 / 255 + 2e-3


@pytest.mark.parametrize(("layout", "apart"), [("plain", 1e-5), ("channels last", 5e-5)])
def test_one_thread_and_two_give_the_same_answer(layout, apart):
    # torch's GroupNorm over channels-last maps adds up in another order for every number of threads; all
    # else does not.
    model = checkpoint.load()
    image = torch.from_numpy(fundus((160, 160), 3).image / np.float32(255)).permute(2, 0, 1)[None]
    kind = torch.contiguous_format if layout == "plain" else torch.channels_last
    network, answers = model.network.to(memory_format=kind), []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            with torch.inference_mode():
                answers.append(network(image.contiguous(memory_format=kind)).sigmoid())
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(answers[0], answers[1], rtol=0, atol=apart)
