"""Latency, throughput, memory and scaling on this machine; writes docs/benchmarks.md.

Run by ``make benchmark`` on an idle machine: ``--quick`` takes one repeat of each.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import torch

from napari_saunetv2 import checkpoint, engines, inference
from napari_saunetv2.files import write_image
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.networks import NETWORKS

GFLOP = 21.19  # of one pass at 592 x 592
SHAPES = ((592, 592), (704, 704), (1008, 1008), (2336, 3504))
MODES = (
    ("torch", "float32"),
    ("torch", "bfloat16"),
    ("openvino", "float32"),
    ("openvino", "bfloat16"),
    ("onnx", "float32"),
)
_MEMORY = """
import resource, sys
import numpy as np
from napari_saunetv2 import checkpoint, inference
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
image = np.random.default_rng(0).integers(0, 256, (592, 592, 3), np.uint8)
engine, precision = sys.argv[1:]
model = checkpoint.load()
if engine == "openvino": import openvino
if engine == "onnx": import onnxruntime
inference.segment(image[:64, :64].copy(), model, rescale="off", engine=engine, precision=precision)
before = peak()
inference.segment(image, model, rescale="off", engine=engine, precision=precision)
print(peak() - before)
"""


def seconds(work: Callable[[], object], repeats: int) -> tuple[float, float, float]:
    """Median, lowest and highest time of a call."""
    work()  # what is made on first use is not what is measured
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return float(np.median(times)), min(times), max(times)


def product_rate(repeats: int) -> float:
    """GFLOP/s of a 2048 x 2048 float32 matrix product."""
    a, b = torch.rand(2, 2048, 2048)
    return 2 * 2048**3 / seconds(lambda: a @ b, max(5, repeats))[1] / 1e9


def latency(repeats: int) -> list[str]:
    """Seconds of ``segment``, array to array, per engine and precision."""
    lines = [
        "| engine | precision | image | median s | lowest | highest | GFLOP/s | of the product's rate |",
        "|---|---|---|---|---|---|---|---|",
    ]
    model = checkpoint.load()
    for height, width in SHAPES:
        image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
        count = max(1, repeats * 592 * 592 // (height * width)) if height > 592 else repeats
        for engine, precision in MODES:
            if engine not in engines.installed():
                continue
            rate = product_rate(3)  # beside each measurement: clocks and neighbours change

            def work(engine: str = engine, precision: str = precision, image: np.ndarray = image) -> object:
                return inference.segment(image, model, rescale="off", engine=engine, precision=precision)

            median, low, high = seconds(work, count)
            speed = GFLOP * height * width / 592**2 / median
            lines.append(
                f"| {engine} | {precision} | {width} x {height} | {median:.4f} | {low:.4f} | {high:.4f} "
                f"| {speed:.0f} | {speed / rate:.0%} |"
            )
            print(lines[-1], flush=True)
    return lines


def memory() -> list[str]:
    """Peak above what the imported process with its engine needs, in a process of its own."""
    lines = ["| engine | precision | peak MB above, 592 x 592 |", "|---|---|---|"]
    for engine, precision in MODES:
        if engine in engines.installed():
            command = [sys.executable, "-c", _MEMORY, engine, precision]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            lines.append(f"| {engine} | {precision} | {float(done.stdout.split()[-1]):.0f} |")
            print(lines[-1], flush=True)
    return lines


def scaling(images: int) -> list[str]:
    """Images per second of ``saunetv2 segment --workers N``, start-up included."""
    lines = [f"| workers | images a second ({images} of 592 x 592, start-up included) |", "|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        eye = fundus((592, 592)).image
        (Path(folder) / "in").mkdir()
        for number in range(images):
            write_image(Path(folder) / "in" / f"{number:03}.png", np.roll(eye, number, axis=0))
        for workers in sorted({1, 2, os.cpu_count() or 1}):
            command = [sys.executable, "-m", "napari_saunetv2.cli", "segment", f"{folder}/in"]
            command += ["-o", f"{folder}/{workers}", "--workers", str(workers)]
            begun = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            lines.append(f"| {workers} | {images / (time.perf_counter() - begun):.2f} |")
            print(lines[-1], flush=True)
    return lines


def training(repeats: int) -> str:
    """Pixels per second of a step of training, batch of four 256 x 256 crops, bfloat16 where it pays."""
    from napari_saunetv2.devices import prefers_bfloat16

    network = NETWORKS["saunetv2"]()
    optimiser = torch.optim.AdamW(network.parameters())
    batch = torch.rand(4, 3, 256, 256)

    def step() -> None:
        optimiser.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=prefers_bfloat16(torch.device("cpu"))):
            loss = network(batch).float().sigmoid().mean()
        loss.backward()
        optimiser.step()

    return f"Training: {batch[:, 0].numel() / seconds(step, repeats)[0] / 1e6:.2f} megapixels a second."


def main() -> None:
    """Measure everything and write the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks.md"))
    parser.add_argument("--quick", action="store_true")
    chosen = parser.parse_args()
    repeats = 1 if chosen.quick else 30
    packages = []
    for name in ("torch", "openvino", "onnxruntime", "numpy"):
        try:
            packages.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    lines = [
        "# Benchmarks",
        "",
        "Made by `make benchmark`; every number is of one run on the machine named here.",
        "",
        f"{platform.machine()}, {_processor()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, "
        f"{platform.system()}, Python {platform.python_version()}; {', '.join(packages)}.",
        f"A float32 product of 2048 x 2048 runs at {product_rate(repeats):.0f} GFLOP/s.",
        "",
        "## One image, `segment` from array to array, its own scale",
        "",
        *latency(repeats),
        "",
        "## Memory",
        "",
        *memory(),
        "",
        "## Many images",
        "",
        *scaling(4 if chosen.quick else 40),
        "",
        training(repeats),
        "",
    ]
    chosen.out.write_text("\n".join(lines))


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    return next((line.split(": ")[1] for line in text.splitlines() if line.startswith("model name")), "")


if __name__ == "__main__":
    main()
