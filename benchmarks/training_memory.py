"""Memory and speed of training on 10, 100 and 1,000 photographs of 1,444 pixels.

``make benchmark-training-memory``. The photographs are synthetic: a few eyes, each turned, mirrored and lit
in many ways. Each training is a process of its own, from files as ``saunetv2 finetune`` reads them.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.models import checkpoint
from napari_saunetv2.training import Tuning, fine_tune, folders

EYES = 10
"""Distinct ones."""


def write(folder: Path, count: int, side: int) -> None:
    """Write photographs as JPEG and labels as PNG, those that are missing."""
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for seed in range(min(EYES, count)):
        eye = fundus((side, side), seed)
        for number in range(seed, count, EYES):
            draw = np.random.default_rng(number)
            turns, mirrored, light = draw.integers(4), draw.integers(2), draw.uniform(0.7, 1)
            image, vessels = (np.rot90(part, turns) for part in (eye.image, eye.vessels))
            image, vessels = (part[:, ::-1] if mirrored else part for part in (image, vessels))
            Image.fromarray((image * light).astype(np.uint8)).save(
                folder / "images" / f"{number:04}.jpg", quality=95
            )
            Image.fromarray((vessels > 0).astype(np.uint8) * 255).save(
                folder / "labels" / f"{number:04}.png", compress_level=1
            )


def train(folder: Path, run: Path, options: argparse.Namespace) -> None:
    """Fine-tune as the command line does; print the peak of memory in MB, and seconds for each step."""
    process = psutil.Process()
    base = checkpoint.load("saunetv2-general")
    tuning = Tuning(
        steps=options.steps, validation=options.validation, validate_every=options.steps, scale=options.scale
    )
    begun = time.process_time()
    pairs = folders.pairs(folder)
    config = tuning.config(pairs, base)
    stamps = [
        (report.step, time.process_time(), time.perf_counter())
        for report in fine_tune(pairs, config, run, base=base, device="cpu")
    ]
    # The first step compiles and the last one validates.
    inner = [stamp for stamp in stamps if 1 <= stamp[0] < options.steps]
    cpu, wall = ((inner[-1][n] - inner[0][n]) / (len(inner) - 1) for n in (1, 2))
    found = {"peak": peak(process) / 1e6, "ready": stamps[0][1] - begun, "cpu": cpu, "wall": wall}
    print(json.dumps(found))


def peak(process: psutil.Process) -> int:
    """Highest resident memory of the process so far, bytes."""
    info = process.memory_info()
    if hasattr(info, "peak_wset"):
        return int(info.peak_wset)
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(most if sys.platform == "darwin" else most * 1024)


def main() -> None:
    """Print a table, a row for each number of images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--side", type=int, default=1444, help="side of a photograph in pixels")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--validation", type=float, default=0.1, help="share of the images")
    parser.add_argument("--scale", default="model", help="model or image, as of saunetv2 finetune")
    parser.add_argument("--folder", type=Path, help="keep the photographs here for another time")
    parser.add_argument("--child", type=Path, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        train(*options.child, options)
        return
    print("| images | peak memory | processor time before the first step | of a step | steps per second |")
    print("|---|---|---|---|---|")
    for count in options.counts:
        with tempfile.TemporaryDirectory() as made:
            folder = (options.folder or Path(made)) / f"{count}-of-{options.side}"
            if not folder.exists():
                write(folder, count, options.side)
            words = [f"--{name}={getattr(options, name)}" for name in ("steps", "validation", "scale")]
            done = subprocess.run(
                [sys.executable, __file__, *words, "--child", str(folder), str(Path(made) / "run")],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode:
                sys.exit(done.stderr)
            found = json.loads(done.stdout.splitlines()[-1])
        print(
            f"| {count:,} | {found['peak']:,.0f} MB | {found['ready']:.0f} s | {found['cpu']:.2f} s "
            f"| {1 / found['wall']:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
