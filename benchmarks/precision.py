"""How far every engine and precision is from torch in float32, on this processor; writes docs/precision.md.

``make benchmark-precision``: DRIVE's test photographs, HRF's at a width of 1,600 pixels, and the time of one
pass. Only what "auto" may take has to keep the prediction; the table shows all.
"""

import argparse
import os
import platform
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from napari_saunetv2 import datasets
from napari_saunetv2.engines import _choice, _machine, installed, runners
from napari_saunetv2.engines._check import MAX_CHANGED
from napari_saunetv2.engines._types import PAIRS, Pair
from napari_saunetv2.imaging import canvas
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.scale import resize
from napari_saunetv2.models import checkpoint
from napari_saunetv2.models.checkpoint import Checkpoint

CPU = torch.device("cpu")
WIDE = 1600
PAGE = Path(__file__).parents[1] / "docs" / "precision.md"

HEAD = """\
# The same prediction on every processor

A vessel should not depend on the computer. This page compares each engine (the program that runs the network)
and precision (its arithmetic) with PyTorch in float32.

*Changed* is the share of vessel pixels that cross the threshold: for the worst photograph, and in
parentheses the mean. *Largest difference* is that of a probability. `auto` takes the fastest pair of engine
and precision within two limits, measured on check pictures: at most 0.3 % of the vessel pixels change, and F1
changes by at most 0.0003. The check pictures are synthetic photographs, some of them dark, hazy, blurred or
faint. The program measures this once on each computer, and remembers the choice for this processor and these
versions.

In float32 an engine differs from PyTorch by rounding alone, so only one check picture is compared. Engines
are compared in the order of their speed, up to the first that keeps the prediction; the program says so while
it does this.

`auto` never takes int8. Processors without VNNI instructions compute int8 sums in 16 bits, where they can be
clipped. There int8 changes up to 4 % of the vessel pixels of the check pictures.

`make benchmark-precision` measures another processor and adds it to this page.
"""


class Reference(NamedTuple):
    """A padded photograph, and what torch in float32 predicts."""

    padded: NDArray[np.float32]
    probability: NDArray[np.float32]


def photographs(data: Path, quick: bool) -> Iterator[tuple[str, list[NDArray[np.float32]]]]:
    """Photographs by what they are called in the table, range [0, 1]."""
    drive = [s for s in datasets.read(data / "DRIVE", "drive") if s.split == "test"]
    yield "DRIVE", [to_unit(s.image()) for s in drive[:: 7 if quick else 1]]
    wide = []
    for sample in datasets.read(data / "HRF", "hrf")[:: 5 if quick else 3]:
        unit = to_unit(sample.image())
        wide.append(resize(unit, round(unit.shape[0] * WIDE / unit.shape[1]), WIDE))
    yield "wide", wide


def references(model: Checkpoint, images: list[NDArray[np.float32]]) -> list[Reference]:
    run = runners.runner(model, CPU, "torch", "float32")
    padded = [canvas.pad(image, model.header.padding) for image in images]
    return [Reference(one, run(one)) for one in padded]


def compared(model: Checkpoint, pair: Pair, found: list[Reference]) -> tuple[float, list[float]]:
    """Largest difference of a probability, and the share of vessel pixels that change in each photograph."""
    run, threshold = runners.runner(model, CPU, *pair), model.header.threshold
    largest, shares = 0.0, []
    for padded, truth in found:
        prediction = run(padded)
        vessels = truth >= threshold
        largest = max(largest, float(np.abs(prediction - truth).max()))
        shares.append(float(((prediction >= threshold) != vessels).sum() / vessels.sum()))
    return largest, shares


def milliseconds(model: Checkpoint, pair: Pair, padded: NDArray[np.float32], repeats: int) -> float:
    run, times = runners.runner(model, CPU, *pair), []
    for _ in range(repeats + 1):
        begun = time.perf_counter()
        run(padded)
        times.append(time.perf_counter() - begun)
    return 1e3 * min(times[1:])


def by_precision(data: Path, quick: bool) -> Iterator[str]:
    """Table of the default model in every engine and precision that runs here."""
    model = checkpoint.load()
    found = {name: references(model, images) for name, images in photographs(data, quick)}
    yield "| engine | changed, DRIVE | changed, HRF at 1,600 px | largest difference | 592 x 592 | `auto` |"
    yield "|---|---|---|---|---|---|"
    taken = _choice.choice(model, CPU)
    for pair in PAIRS:
        if pair[0] not in installed.engines() or (
            pair[1] == "bfloat16" and not _choice.has_bfloat16(pair[0], "cpu")
        ):
            continue
        cells, largest = [], 0.0
        for name in ("DRIVE", "wide"):
            apart, shares = compared(model, pair, found[name])
            largest = max(largest, apart)
            cells.append(f"{max(shares):.2%} ({np.mean(shares):.2%})")
        verdict = _choice.compare_with_torch(model, "cpu", *pair)
        may = "takes it" if pair == taken else "may" if verdict and verdict.matches_reference else "never"
        ms = milliseconds(model, pair, found["DRIVE"][0].padded, 3 if quick else 15)
        yield f"| {pair[0]} {pair[1]} | {cells[0]} | {cells[1]} | {largest:.1g} | {ms:.0f} ms | {may} |"


def by_model(data: Path, quick: bool) -> Iterator[str]:
    """Table of what "auto" takes for each bundled model."""
    yield "| model | `auto` takes | changed, DRIVE |"
    yield "|---|---|---|"
    drive = next(photographs(data, quick))[1]
    for info in checkpoint.available():
        if not info.bundled:
            continue
        model = checkpoint.load(info.name)
        pair = _choice.choice(model, CPU)
        _, shares = compared(model, pair, references(model, drive))
        assert max(shares) <= MAX_CHANGED, (
            f"auto takes {pair} for {model.name}, which moves {max(shares):.2%}"
        )
        yield f"| `{model.name}` | {' '.join(pair)} | {max(shares):.2%} ({np.mean(shares):.2%}) |"


def title() -> str:
    """The processor's name, and what it was told to do without."""
    limits = [f"{name}={os.environ[name]}" for name in _machine.LIMITS if name in os.environ]
    has = getattr(torch.cpu, "get_capabilities", dict)()
    amx = " with AMX" if has.get("amx_tile") and not limits else ""
    return ", ".join([f"{_machine.processor()}, {torch.backends.cpu.get_cpu_capability()}{amx}", *limits])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder that holds DRIVE and HRF")
    parser.add_argument("--quick", action="store_true", help="a few photographs only")
    parser.add_argument("--out", type=Path, default=PAGE)
    arguments = parser.parse_args()
    versions = f"torch {torch.__version__.split('+')[0]}, {torch.get_num_threads()} threads"
    section = [f"## {title()}", "", f"{platform.machine()}, {versions}.", ""]
    section += [
        *by_precision(arguments.data, arguments.quick),
        "",
        *by_model(arguments.data, arguments.quick),
        "",
    ]
    text = "\n".join(section)
    print(text)
    known = arguments.out.read_text(encoding="utf-8") if arguments.out.exists() else HEAD
    others = [part for part in re.split(r"(?m)^(?=## )", known)[1:] if not part.startswith(section[0] + "\n")]
    arguments.out.write_text(
        "\n".join([HEAD, *(part.strip() + "\n" for part in [*others, text])]), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
