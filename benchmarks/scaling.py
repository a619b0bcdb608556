"""What many images take, from file to file, by the number of workers."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from napari_saunetv2.files import write_image
from napari_saunetv2.imaging.synthetic import fundus

CASES = ((592, "auto", 120), (2048, "auto", 40), (2048, "off", 12))
"""Side of the photographs in pixels, ``--rescale``, and how many there are."""

FEW = 4
"""Images of a run that is nearly all start-up; what more of them take is the work."""


def scaling(brief: dict[str, str], *, quick: bool = False) -> Iterator[str]:
    """Rows of a table: images per second of ``saunetv2 segment --workers N``, and its start-up."""
    cores = os.cpu_count() or 1
    yield "| photographs to PNG | rescale | workers | start-up, s | images a second | core-seconds an image |"
    yield "|---|---|---|---|---|---|"
    for side, rescale, count in CASES[: 1 if quick else None]:
        with tempfile.TemporaryDirectory() as folder:
            _photographs(Path(folder) / "many", side, FEW + (FEW if quick else count))
            _photographs(Path(folder) / "few", side, FEW)
            for workers in sorted({1, 2, cores}):
                few, many = (_seconds(Path(folder), what, workers, rescale) for what in ("few", "many"))
                rate = (FEW if quick else count) / (many - few)
                start = few - FEW / rate
                if workers == 1:
                    brief[f"{side} x {side}, file to mask, rescale {rescale}"] = f"{cores / rate:.2f} core-s"
                row = (f"{side} x {side}", rescale, f"{workers}", f"{start:.1f}", f"{rate:.2f}")
                yield f"| {' | '.join(row)} | {cores / rate:.2f} |"


def _photographs(folder: Path, side: int, count: int) -> None:
    folder.mkdir()
    eye = fundus((side, side)).image
    for number in range(count):
        write_image(folder / f"{number:03}.png", np.roll(eye, number, axis=0))


def _seconds(folder: Path, what: str, workers: int, rescale: str) -> float:
    command = [sys.executable, "-m", "napari_saunetv2.cli", "segment", f"{folder / what}", "--overwrite"]
    command += ["-o", f"{folder}/{workers}", "--workers", str(workers), "--rescale", rescale]
    begun = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - begun
