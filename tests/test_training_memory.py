"""Training on many images: what does not fit into memory lies in a file, and nothing else changes."""

import gc
import shutil
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import tiny
from following import follow
from napari_saunetv2.errors import FileFormatError
from napari_saunetv2.files import write_image, write_mask
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.training import Pair, TrainConfig, fine_tune, folders, on_demand, store, validation
from napari_saunetv2.training.on_demand import Pairs
from napari_saunetv2.training.store import Held, Store

CPU = torch.device("cpu")
TINY = TrainConfig(
    network_arguments={"widths": (8, 8), "dropblock": 0.1}, steps=6, batch=2, crop=32, warmup=1, ema=0.9,
    precision="float32", validation=0.4, validate_every=3,
)  # fmt: skip


@pytest.fixture
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may stay in memory."""
    monkeypatch.setattr(Store.__init__, "__defaults__", (0,))
    monkeypatch.setattr(on_demand.Pairs.__init__, "__kwdefaults__", {"kept": 0})
    monkeypatch.setattr(validation, "KEPT", 0)


def _run(run: Path, config: TrainConfig, stop_at: int | None = None, **options) -> dict[str, torch.Tensor]:
    _, path = follow(fine_tune(tiny.pairs(5, 60, 50), config, run, **options), stop_at)
    return {} if path is None else tiny.weights(path)


CONFIGS = {
    "as it is": TINY,
    "scales": replace(TINY, fov_diameter=30.0, scales=(0.7, 1.0, 1.4)),
    "sparse": replace(TINY, sparse=True),
    "inside": replace(TINY, inside_field=True),
    "published": replace(TINY, views="published"),
    "against its base": replace(TINY, compare_with_base=True),
    "no validation": replace(TINY, validation=0),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_weights_do_not_depend_on_what_is_kept_in_memory(tmp_path: Path, request, name):
    kept = _run(tmp_path / "kept", CONFIGS[name])
    request.getfixturevalue("nothing_kept")
    assert not _run(tmp_path / "run", CONFIGS[name], stop_at=2)
    read = _run(tmp_path / "run", CONFIGS[name], resume=True)
    assert kept.keys() == read.keys() != set()
    assert all(torch.equal(kept[part], read[part]) for part in kept)
    logs = [(tmp_path / run / "log.csv").read_text().splitlines() for run in ("kept", "run")]
    scores = [[line.split(",")[2] for line in lines] for lines in logs]  # losses are means since the resume
    assert scores[0] == scores[1]
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        path.name for path in (tmp_path / "kept").iterdir()
    }


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (torch.arange(256).float() / 255, np.uint8),
        (torch.arange(65536).float() / 65535, np.uint16),
        (torch.rand(1000), np.float32),
        (torch.randn(1000), np.float32),
    ],
)
def test_what_is_held_is_read_back_to_the_last_bit_in_the_smallest_type_that_can(tmp_path, values, dtype):
    kept_elsewhere = Store(tmp_path, kept=0)
    first, second = (kept_elsewhere.put(part, CPU) for part in (values.view(4, -1), values))
    assert isinstance(first, Held)
    assert isinstance(second, Held)
    assert first.dtype == second.dtype == dtype
    assert torch.equal(first.read(), values.view(4, -1))
    assert torch.equal(second.read(), values)
    assert kept_elsewhere.on_disk == 2 * len(values) * np.dtype(dtype).itemsize


def test_the_first_stay_in_memory_until_it_is_full(tmp_path):
    half = Store(tmp_path, kept=100 * 4)
    held = [half.put(torch.zeros(count), CPU) for count in (40, 40, 40, 10)]
    assert [isinstance(one, Held) for one in held] == [False, False, True, True]


def test_a_disk_that_cannot_hold_them_all_is_told_at_the_first(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(store.shutil, "disk_usage", lambda _: usage._replace(free=store._SPARE + 5000))
    full = Store(tmp_path, kept=0)
    full.put(torch.zeros(1000), CPU, more=4)
    with pytest.raises(FileFormatError, match=r"need 0\.0 GB more in .*: free disk space"):
        full.put(torch.zeros(1000), CPU, more=5)


def _files(folder: Path, count: int, size: int = 300) -> None:
    eyes = [fundus((size, size), seed) for seed in range(2)]
    for number in range(count):
        eye = eyes[number % 2]
        (folder / "images").mkdir(parents=True, exist_ok=True)
        (folder / "labels").mkdir(exist_ok=True)
        write_image(folder / "images" / f"{number:03}.png", np.roll(eye.image, number, axis=1))
        write_mask(folder / "labels" / f"{number:03}.png", np.roll(eye.vessels, number, axis=1))


def _live() -> int:
    """Bytes of all tensors and arrays that are held now."""
    gc.collect()
    tensors = (one for one in gc.get_objects() if type(one) is torch.Tensor)
    return sum({one.data_ptr(): one.untyped_storage().nbytes() for one in tensors}.values())


@pytest.mark.usefixtures("nothing_kept")
def test_four_times_the_images_take_no_more_memory(tmp_path: Path):
    peaks = {}
    for count in (10, 40):
        _files(tmp_path / f"{count}", count)
        tracemalloc.start()
        work = fine_tune(folders.pairs(tmp_path / f"{count}"), TINY, tmp_path / f"run-{count}")
        tensors = [_live() for _ in work]
        peaks[count] = tracemalloc.get_traced_memory()[1] + max(tensors)
        tracemalloc.stop()
    one_image = 300 * 300 * 4 * 4
    assert peaks[40] - peaks[10] < 3 * one_image


def _counted(pairs: list[Pair], reads: list[str]) -> Pairs:
    def reader(pair: Pair) -> Pair:
        reads.append(pair.name)
        return pair

    return Pairs([pair.name for pair in pairs], [lambda pair=pair: reader(pair) for pair in pairs], kept=0)


def test_pairs_are_read_once_for_a_training_and_never_for_their_names(tmp_path: Path):
    reads: list[str] = []
    pairs = _counted(tiny.pairs(5, 60, 50), reads)
    assert [len(pairs), len(pairs.only("image3".__eq__)), len(pairs[1:3])] == [5, 1, 2]
    assert pairs[:2].names == ["image0", "image1"]
    assert not reads
    follow(fine_tune(pairs, replace(TINY, fov_diameter=30.0), tmp_path / "run"))
    assert sorted(reads) == pairs.names


def test_a_sequence_of_pairs_keeps_as_much_as_it_may():
    given, reads = tiny.pairs(3, 60, 50), []
    size = given[0].image.nbytes + given[0].vessels.nbytes
    pairs = Pairs(
        [pair.name for pair in given],
        [lambda pair=pair: reads.append(pair.name) or pair for pair in given],
        kept=2 * size,
    )
    for _ in range(2):
        assert [pair.name for pair in pairs] == pairs.names
    assert reads == ["image0", "image1", "image2", "image2"]
    with pytest.raises(IndexError):
        pairs[3]


def test_a_file_that_is_damaged_is_told_when_it_is_read(tmp_path: Path):
    _files(tmp_path / "data", 3, 64)
    (tmp_path / "data" / "images" / "001.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    with pytest.raises(FileFormatError, match=r"001\.png"):
        next(fine_tune(folders.pairs(tmp_path / "data"), TINY, tmp_path / "run"))


def test_a_file_that_lost_its_end_is_told_and_gives_no_pixels(tmp_path: Path):
    cut = Store(tmp_path, kept=0)
    held = cut.put(torch.rand(1000), CPU)
    cut._file.truncate(3000)
    with pytest.raises(FileFormatError, match=r"too short\): continue with --resume"):
        held.read()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc alone has the setting")
def test_threads_share_the_heap_of_a_training():
    code = (
        "import ctypes, threading\n"
        "from napari_saunetv2.training import heap\n"
        "assert heap.share()\n"
        "take = ctypes.CDLL(None).malloc; take.restype = ctypes.c_void_p; places = []\n"
        "thread = threading.Thread(target=lambda: places.append(take(1000)))\n"
        "thread.start(); thread.join(); places.append(take(1000))\n"
        "print(abs(places[0] - places[1]) < 2**26)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"  # else each thread has a heap of its own, terabytes away
