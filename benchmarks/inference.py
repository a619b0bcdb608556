"""Latency, memory, large images, many images and training on this machine; writes a page on its processor.

Run by ``make benchmark`` on an idle machine, which writes ``docs/benchmarks/PROCESSOR.md``, a page for an
NVIDIA GPU, and the list of all pages, ``docs/benchmarks.md``; ``--quick`` takes one repeat of each and
smaller images.
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

import gpu
import numpy as np
import pages
import peers
import products
import torch
from numpy.typing import NDArray
from scaling import scaling

from napari_saunetv2 import inference
from napari_saunetv2.engines import _machine, devices, runners
from napari_saunetv2.files import write_image
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
Brief = dict[str, str]
"""What the list of all processors says about one: what was measured, and the result."""

_NUMBERS = np.random.default_rng(0)


def seconds(work: Callable[[], object], repeats: int) -> NDArray[np.float64]:
    """Times of a call; the first is not counted, for what is made on first use is not what is measured."""
    times = []
    for _ in range(repeats + 1):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return np.array(times[1:])


SPREAD = "median s | lowest | highest"


def spread(times: NDArray[np.float64]) -> str:
    """Median, lowest and highest, for a table."""
    return f"{np.median(times):.4f} | {times.min():.4f} | {times.max():.4f}"


def modes() -> Iterator[tuple[str, str]]:
    """Engines and precisions that can run here, and "auto"."""
    known = runners.installed()
    yield from (mode for mode in MODES if mode[0] in known)


def photograph(height: int, width: int) -> NDArray[np.uint8]:
    """A synthetic one: noise has no field of view, and the search for it would be measured."""
    return fundus((height, width)).image


def latency(repeats: int, brief: Brief) -> Iterator[str]:
    """Seconds of ``segment``, array to array, on the CPU, by engine and precision."""
    yield f"| image | engine | precision | {SPREAD} | GFLOP/s | of a product | times a product |"
    yield "|---|---|---|---|---|---|---|---|---|"
    model = checkpoint.load()
    chosen = runners.choice(model, "cpu")
    for height, width in SHAPES:
        image = photograph(height, width)
        count = max(min(repeats, 3), repeats * 592 * 592 // (height * width))
        work = GFLOP * height * width / 592**2
        for engine, precision in modes():
            # Beside each measurement: clocks and neighbours change.
            rate, quick = (products.rate(p) for p in (precision, "bfloat16"))
            run = partial(
                inference.segment,
                image,
                model,
                rescale="off",
                device="cpu",
                engine=engine,
                precision=precision,
            )
            times = seconds(run, count)
            took, best = float(np.median(times)), float(times.min())
            share, multiple = work / took / rate, best / (work / quick)
            yield (
                f"| {width} x {height} | {engine} | {precision} | {spread(times)} | {work / took:.0f} "
                f"| {share:.0%} of {rate:.0f} | {multiple:.1f} |"
            )
            named = f"{width} x {height}"
            if (engine, precision) == chosen:
                what = f"{named}, auto ({engine} {precision})"
                brief[what] = f"{1000 * took:.0f} ms, {multiple:.1f} times a bfloat16 product"
            elif (engine, precision) == ("openvino", "float32") and width == 592:
                said = f"{1000 * took:.0f} ms, {share:.0%} of a float32 product"
                brief[f"{named}, {engine} float32"] = said


def first_results(brief: Brief, repeats: int) -> Iterator[str]:
    """Seconds from the start of ``saunetv2 segment`` to the mask of one photograph, as the user waits."""
    yield "| photograph | seconds | processor time, s |"
    yield "|---|---|---|"
    with tempfile.TemporaryDirectory() as folder:
        for side in (592, 2048):
            photo = Path(folder) / f"{side}.png"
            write_image(photo, fundus((side, side)).image)
            command = [sys.executable, "-m", "napari_saunetv2.cli", "segment", str(photo)]
            command += ["-o", folder, "--overwrite"]
            runs = []
            for _ in range(1 + repeats):
                before, begun = os.times(), time.perf_counter()
                subprocess.run(command, check=True, capture_output=True)
                took, after = time.perf_counter() - begun, os.times()
                spent = after.children_user + after.children_system
                runs.append((took, spent - before.children_user - before.children_system))
            took, spent = np.median(runs[1:], axis=0)
            yield f"| {side} x {side} | {took:.2f} | {spent:.2f} |"
            brief[f"first result, {side} x {side}"] = f"{took:.1f} s"


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
    for engine, precision in modes():
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
    from napari_saunetv2.training.ahead import Ahead

    config = TrainConfig(steps=10_000)
    sample = fundus((592, 592))
    image = views.prepare(views.Pair("eye", sample.image, sample.vessels), config)
    device = devices.resolve("auto")
    state, source = steps.initial_state(config, None, device), Ahead([image], config)
    times = seconds(lambda: steps.one_step(state, source, config, device), repeats)
    pixels = config.batch * config.crop**2
    yield f"One step of {config.batch} views of {config.crop} x {config.crop} pixels, augmentation included,"
    speed = pixels / np.median(times) / 1e6
    yield f"takes {np.median(times):.2f} s on {device}: {speed:.2f} megapixels per second."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks"))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--keras", metavar="PYTHON")
    chosen = parser.parse_args()
    repeats, brief = 1 if chosen.quick else 30, Brief()
    parts = (
        ("One photograph, from array to array, at its own scale", latency(repeats, brief)),
        ("First result", first_results(brief, min(repeats, 5))),
        ("Other networks: one pass at 592 x 592, in the same run", beside(repeats, chosen.keras)),
        ("Memory of the first image, 592 x 592", memory()),
        ("Larger than memory", large(3000 if chosen.quick else 20_000)),
        ("Many images", scaling(brief, quick=chosen.quick)),
        ("Training", training(repeats)),
    )
    lines = []
    for title, rows in parts:
        lines += ["", f"## {title}", ""]
        for row in rows:
            print(row, flush=True)
            lines.append(row)
    pages.write(chosen.out / f"{pages.slug(_machine.processor())}.md", list(_about()), brief, lines)
    if torch.cuda.is_available():
        card = chosen.out / f"{pages.slug(torch.cuda.get_device_name(0))}.md"
        card.write_text("\n".join([*gpu.page(0.5 if chosen.quick else 2.0), ""]), encoding="utf-8")
    pages.index(chosen.out)


def _about() -> Iterator[str]:
    packages = []
    for name in ("torch", "openvino", "onnxruntime", "numpy"):
        try:
            packages.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    yield f"# {_machine.processor()}"
    yield ""
    yield f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, {platform.system()},"
    yield f"Python {platform.python_version()}; {', '.join(packages)}."
    rates = ", ".join(f"{products.rate(p, 20):.0f} in {p}" for p in ("float32", "bfloat16", "int8"))
    yield f"A product of two matrices of 2048 x 2048, in GFLOP/s: {rates}."


if __name__ == "__main__":
    main()
