"""Latency, memory, large images, many images and training on this machine; writes docs/benchmarks.md.

Run by ``make benchmark`` on an idle machine; ``--quick`` takes one repeat of each and smaller images.
``--keras PYTHON`` names a Python that has TensorFlow, to time the published network beside ours.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import peers
import torch
from numpy.typing import NDArray
from scaling import scaling

from napari_saunetv2 import inference
from napari_saunetv2.engines import devices, runners
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.models import checkpoint

GFLOP = 21.19  # of one pass at 592 x 592
SHAPES = ((592, 592), (704, 704), (1008, 1008), (2336, 3504))
MODES = (
    ("torch", "float32"),
    ("torch", "bfloat16"),
    ("onnx", "float32"),
    ("openvino", "float32"),
    ("openvino", "bfloat16"),
    ("openvino", "int8"),
)
_NUMBERS = np.random.default_rng(0)


def seconds(work: Callable[[], object], repeats: int) -> NDArray[np.float64]:
    """Times of a call; the first is not counted, for what is made on first use is not what is measured."""
    times = []
    for _ in range(repeats + 1):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return np.array(times[1:])


def spread(times: NDArray[np.float64]) -> str:
    """Median, lowest and highest, for a table."""
    return f"{np.median(times):.4f} | {times.min():.4f} | {times.max():.4f}"


def product_rate(repeats: int = 5) -> float:
    """GFLOP/s of a 2048 x 2048 float32 matrix product on the CPU, the best of some."""
    a, b = torch.rand(2, 2048, 2048)
    return 2 * 2048**3 / float(seconds(lambda: a @ b, repeats).min()) / 1e9


def modes() -> Iterator[tuple[str, str, str]]:
    """Device, engine and precision of all that can run here."""
    known = runners.installed()
    yield from (("cpu", *mode) for mode in MODES if mode[0] in known)
    for gpu in devices.available()[2:]:
        yield from ((gpu, *mode) for mode in MODES if mode[0] == "torch")


def photograph(height: int, width: int) -> NDArray[np.uint8]:
    return _NUMBERS.integers(0, 256, (height, width, 3), np.uint8)


def latency(repeats: int) -> Iterator[str]:
    """Seconds of ``segment``, array to array, on every device, engine and precision."""
    yield "| image | device | engine | precision | median s | lowest | highest | GFLOP/s | of a product |"
    yield "|---|---|---|---|---|---|---|---|---|"
    model = checkpoint.load()
    for height, width in SHAPES:
        image = photograph(height, width)
        count = max(min(repeats, 3), repeats * 592 * 592 // (height * width))
        for device, engine, precision in modes():
            rate = product_rate()  # beside each measurement: clocks and neighbours change
            work = partial(
                inference.segment,
                image,
                model,
                rescale="off",
                device=device,
                engine=engine,
                precision=precision,
            )
            times = seconds(work, count)
            speed = GFLOP * height * width / 592**2 / float(np.median(times))
            share = f"{speed / rate:.0%} of {rate:.0f}" if device == "cpu" else ""
            yield (
                f"| {width} x {height} | {device} | {engine} | {precision} | {spread(times)} | {speed:.0f} "
                f"| {share} |"
            )


def beside(repeats: int, python: str | None) -> Iterator[str]:
    """Other networks at 592 x 592 in this run: the published one in Keras, and known ones in torch."""
    yield "| network | parameters | runs in | median s | lowest | highest |"
    yield "|---|---|---|---|---|---|"
    canvas = _NUMBERS.random((592, 592, 3), np.float32)
    model = checkpoint.load()
    for name, engine, precision in (("SA-UNetv2, this package", *mode) for mode in MODES):
        if engine in runners.installed():
            run = runners.runner(model, torch.device("cpu"), engine, precision)  # type: ignore[arg-type]
            times = seconds(lambda: run(canvas), repeats)  # noqa: B023
            yield f"| {name} | 260,521 | {engine} {precision} | {spread(times)} |"
    found = peers.in_keras(python, 592, repeats)
    if found is not None:
        yield (
            f"| SA-UNetv2, from its description | 260,521 | TensorFlow {found[0]} "
            f"| {spread(np.array(found[1]))} |"
        )
    for name, (parameters, run) in peers.in_torch().items():
        yield f"| {name} | {parameters:,} | torch float32 | {spread(seconds(lambda: run(canvas), repeats))} |"  # noqa: B023


def memory() -> Iterator[str]:
    """Peak of the first 592 x 592 image, model and engine set up in it, above the imported process."""
    yield "| engine | precision | imported, MB | peak above, MB |"
    yield "|---|---|---|---|"
    for _, engine, precision in modes():
        told = _alone("once", engine, precision)
        yield f"| {engine} | {precision} | {told[0]:.0f} | {told[1]:.0f} |"


def large(side: int) -> Iterator[str]:
    """An image that does not fit: from file to file, with the memory that takes."""
    yield "| image | engine | seconds | megapixels per second | peak memory above the imported process, MB |"
    yield "|---|---|---|---|---|"
    with tempfile.TemporaryDirectory() as folder:
        _mosaic(Path(folder) / "in.tif", side)
        for engine, precision in (MODES[0], MODES[-2]):
            if engine in runners.installed():
                _, peak, took = _alone("large", engine, precision, folder)
                speed = side * side / 1e6 / took
                size = f"{side:,} x {side:,}"
                yield f"| {size} | {engine} {precision} | {took:.0f} | {speed:.1f} | {peak:.0f} |"


def _mosaic(path: Path, side: int) -> None:
    """Write a memory-mapped TIFF full of synthetic eyes."""
    import tifffile

    eye = fundus((1000, 1000)).image
    target = tifffile.memmap(path, shape=(side, side, 3), dtype=np.uint8, photometric="rgb", bigtiff=True)
    for top in range(0, side, 1000):
        for left in range(0, side, 1000):
            part = target[top : top + 1000, left : left + 1000]
            part[:] = eye[: part.shape[0], : part.shape[1]]
        target.flush()


def _alone(*words: str) -> list[float]:
    """What :mod:`measured_alone` prints, in a process of its own."""
    command = [sys.executable, str(Path(__file__).with_name("measured_alone.py")), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [float(word) for word in done.stdout.split()]


def training(repeats: int) -> Iterator[str]:
    """Pixels per second of a step of training on four views of 320 x 320 pixels."""
    from napari_saunetv2.training import TrainConfig, steps, views

    config = TrainConfig(steps=10_000)
    sample = fundus((592, 592))
    image = views.prepare(views.Pair("eye", sample.image, sample.vessels), config)
    device = devices.resolve("auto")
    state = steps.initial_state(config, None, device)
    times = seconds(lambda: steps.one_step(state, [image], config, device), repeats)
    pixels = config.batch * config.crop**2
    yield f"One step of {config.batch} views of {config.crop} x {config.crop} pixels, augmentation included,"
    speed = pixels / np.median(times) / 1e6
    yield f"takes {np.median(times):.2f} s on {device}: {speed:.2f} megapixels per second."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks.md"))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--keras", metavar="PYTHON")
    chosen = parser.parse_args()
    repeats = 1 if chosen.quick else 30
    parts = (
        ("One photograph, from array to array, at its own scale", latency(repeats)),
        ("Other networks: one pass at 592 x 592, in the same run", beside(repeats, chosen.keras)),
        ("Memory of the first image, 592 x 592", memory()),
        ("Larger than memory", large(3000 if chosen.quick else 20_000)),
        ("Many images", scaling(quick=chosen.quick)),
        ("Training", training(repeats)),
    )
    lines = [_HEAD, *_machine()]
    for title, rows in parts:
        lines += ["", f"## {title}", ""]
        for row in rows:
            print(row, flush=True)
            lines.append(row)
    chosen.out.write_text("\n".join([*lines, _FOOT]), encoding="utf-8")


_HEAD = """\
# Speed and memory

![Milliseconds for one photograph, by engine and precision](images/speed-by-engine.svg)

An *engine* is the program that runs the network: PyTorch (torch), ONNX Runtime or OpenVINO. A *precision*
is the arithmetic it uses. float32 is full precision; bfloat16 and int8 (eight-bit integers) are faster and
less exact. `auto` takes the fastest pair of engine and precision that gives the prediction of PyTorch in
float32. [Precision](precision.md) lists these pairs.

*lowest* and *highest* are the shortest and the longest time. *of a product* compares the arithmetic per
second with that of a float32 matrix product, which is measured before each row. *imported* is the memory of
the program before the first image, and *peak above* what the first image adds at most.

All numbers are from one run on this machine:
"""

_FOOT = """
`make benchmark` makes this page again; `ARGS="--keras PYTHON"` includes TensorFlow, if that Python has
it.
"""


def _machine() -> Iterator[str]:
    packages = []
    for name in ("torch", "openvino", "onnxruntime", "numpy"):
        try:
            packages.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    yield f"{_processor()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, {platform.system()},"
    yield f"Python {platform.python_version()}; {', '.join(packages)}."
    yield from (torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count()))
    yield f"A float32 matrix product of 2048 x 2048 runs at {product_rate(20):.0f} GFLOP/s."


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    found = (line.split(": ")[1] for line in text.splitlines() if line.startswith("model name"))
    return next(found, platform.machine())


if __name__ == "__main__":
    main()
