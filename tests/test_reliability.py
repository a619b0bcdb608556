"""The short forms of ``make fuzz``, ``make faults`` and ``make load``; answers that hang on no thread."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_saunetv2 import inference
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.networks._blocks import GroupNorm

HERE = Path(__file__).parent
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
    assert (
        run("fuzz", "--files", "150", "--arrays", "60", "--dicom", "300", "--seed", "7").count("faults 0")
        == 3
    )


HANGS = """
import sys, time
from pathlib import Path
from fuzz import run
from fuzz.targets import Target

class Hangs(Target):
    def __init__(self, folder):
        self.folder = folder

    def warm(self):
        pass

    def file(self, draw):
        self._write("x.tif", b"that hangs")
        time.sleep(60)

run.SECONDS = 1.0
folder = Path(sys.argv[1])
print(run.fuzz(Hangs(folder), "file", 1, keep=folder / "kept").faults)
"""


@needs_fork
def test_a_file_over_which_a_reader_hangs_is_kept(tmp_path, monkeypatch):
    (tmp_path / "hangs.py").write_text(HANGS)
    (tmp_path / "out").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert "took over 1 s" in run("hangs", str(tmp_path / "out"))
    assert (tmp_path / "out/kept/0-x.tif").read_bytes() == b"that hangs"


@needs_fork
def test_the_fuzz_takes_a_new_seed_each_time_and_prints_it():
    seeds = {run("fuzz", "--files", "0", "--arrays", "1", "--dicom", "0").split("\n")[0] for _ in range(2)}
    assert len(seeds) == 2
    assert all(re.fullmatch(r"seed \d+", seed) for seed in seeds)


@needs_fork
def test_kills_and_full_disks_lose_nothing():
    slow = "names,out_of_memory,decimal_comma,lost_workers"  # test_batch_cluster.py loses one
    told = run("faults", "--training", "2", "--batch", "1", "--saves", "4", "--pairs", "1", "--skip", slow)
    assert "FAILED" not in told
    assert told.count("\n") >= 9


@needs_fork
def test_many_images_leave_memory_and_handles_flat():
    assert "a round" in run("load", "--images", "120", "--runs", "0")


def _answers(image, in_threads):
    for threads in (1, 2):
        in_threads(threads)
        yield inference.segment(image, rescale="off", device="cpu")


def test_one_thread_and_two_give_the_same_answer(in_threads):
    one, two = _answers(fundus((320, 320), 3).image, in_threads)
    np.testing.assert_allclose(one, two, rtol=0, atol=1e-5)


@pytest.mark.data
def test_one_thread_and_two_give_the_same_answer_to_a_photograph(shared, in_threads):
    from napari_saunetv2.files import read_image

    image = read_image(shared / "data/DRIVE/test/images/01_test.tif")
    one, two = _answers(image, in_threads)
    np.testing.assert_allclose(one, two, rtol=0, atol=1e-5)


def test_group_norm_over_channels_last_is_exact():
    # torch's own is 5e-4 off here.
    torch.manual_seed(0)
    norm = GroupNorm(4, 16, eps=1e-3).eval()
    norm.weight.data.uniform_(0.5, 2)
    norm.bias.data.normal_()
    x = (torch.randn(2, 16, 300, 280) * 2 + 5).contiguous(memory_format=torch.channels_last)
    truth = torch.nn.functional.group_norm(x.double(), 4, norm.weight.double(), norm.bias.double(), 1e-3)
    with torch.inference_mode():
        prediction = norm(x)
    assert prediction.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(prediction.double(), truth, rtol=0, atol=5e-6)
