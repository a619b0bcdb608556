"""Where the processor time of a photograph goes: from file to mask, and to the files of a study.

``make benchmark-pipeline`` does it on one thread with a synthetic photograph. Numbers are the least of many
repeats: other programs make processor time longer, never shorter.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before NumPy and the engines are imported

import argparse
import cProfile
import pstats
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from napari_saunetv2.batch import images
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.engines import _machine
from napari_saunetv2.files import write_image
from napari_saunetv2.imaging.synthetic import fundus
from napari_saunetv2.imaging.vessels import PostProcessing
from napari_saunetv2.inference import resolved, threshold_of
from napari_saunetv2.measure.files import MeasureOptions
from napari_saunetv2.models import checkpoint
from napari_saunetv2.progress import drain
from napari_saunetv2.study.layout import Layout
from napari_saunetv2.study.photograph import Job, Task, study_one

SHAPES = ((2048, 2048), (2336, 3504))
PARTS = {
    "the network": ("inference/passes.py", "forward"),
    "reading the PNG": ("files/reading.py", "load_image"),
    "scaling to the model's size": ("imaging/frame.py", "resized"),
    "scaling back": ("inference/passes.py", "_back"),
    "field of view": ("imaging/field_of_view.py", "detect"),
    "judging quality": ("quality/__init__.py", "of_picture"),
    "remarks on picture and scale": ("imaging/plausibility.py", "of_segmentation"),
    "writing the mask": ("files/writing.py", "write_mask"),
    "disc and fovea": ("inference/landmarks.py", "find_landmarks"),
    "measuring": ("measure/measurements.py", "measure"),
    "drawing": ("study/photograph.py", "_draw"),
    "all in floats": ("imaging/picture.py", "unit"),
}
"""Parts of the work, each with the function that does it."""


def spent(work: Callable[[], object], repeats: int) -> tuple[float, dict[str, float]]:
    """Least processor time of a call in seconds, and that of each part."""
    work()
    whole: list[float] = []
    parts: dict[str, list[float]] = {name: [] for name in PARTS}
    for _ in range(repeats):
        begun = time.process_time()
        work()
        whole.append(time.process_time() - begun)
        profile = cProfile.Profile(time.process_time)
        profile.runcall(work)
        for name, (file, function) in PARTS.items():
            parts[name].append(_within(pstats.Stats(profile), file, function))
    return min(whole), {name: min(times) for name, times in parts.items()}


def _within(stats: Any, file: str, function: str) -> float:
    """Seconds within a function and what it calls."""
    return float(
        sum(
            row[3]
            for (path, _, name), row in stats.stats.items()
            if name == function and Path(path).as_posix().endswith(file)
        )
    )


def works(folder: Path, height: int, width: int) -> dict[str, Callable[[], object]]:
    """Ways of a photograph through the program, by name."""
    file = write_image(folder / f"{width}.png", fundus((height, width)).image)
    chosen = InferenceConfig(device="cpu")
    model = checkpoint.load(chosen.model)
    config = resolved(model, chosen)
    post = PostProcessing(threshold=threshold_of(model, "auto"))
    options = images.OutputOptions(folder, overwrite=True)
    task = Task(Layout(folder / "study"), config, MeasureOptions())
    job = Job("eye", file.name, "", "", "")
    return {
        "file to mask": lambda: drain(images.segment_steps(file, "eye", model, config, post, options)),
        "file to mask, measurements and pictures of a study": partial(study_one, file, job, task),
    }


def rows(repeats: int) -> Iterator[str]:
    """Lines of a table for each way and size."""
    for height, width in SHAPES:
        with tempfile.TemporaryDirectory() as folder:
            for name, work in works(Path(folder), height, width).items():
                whole, parts = spent(work, repeats)
                yield f"\n{width} x {height}, {name}: {whole:.3f} s of processor time\n"
                yield "| part | ms |\n|---|---|"
                for part, took in sorted(parts.items(), key=lambda pair: -pair[1]):
                    if took:
                        yield f"| {part} | {1000 * took:.0f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=10)
    chosen = parser.parse_args()
    print(f"{_machine.processor()}, load {os.getloadavg()[0]:.1f}")
    for row in rows(chosen.repeats):
        print(row, flush=True)


if __name__ == "__main__":
    main()
