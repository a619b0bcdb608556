"""Seconds of other programs beside ours, on the same masks in the same run.

They have an environment of their own: ``python -m venv P; P/bin/pip install pvbm skan``.
"""

import json
import os
import platform
import subprocess
import tempfile
from collections.abc import Generator
from pathlib import Path

import numpy as np
from measure_masks import Case, cases, seconds_of

LIMIT = 600
"""Seconds after which another program is stopped."""

MEASURES = {
    "pvbm": "trees that touch the disc, central equivalents, dimensions",
    "skan": "width and length alone",
}


def timed(data: Path, python: Path) -> Generator[str, None, list[str]]:
    """Seconds of a processor for arteries and veins, from masks alone."""
    lines = [
        "| program | what it measures | " + " | ".join(f"{c.name}, s" for c in cases(data)) + " |",
        "|---|---|" + "---|" * len(list(cases(data))),
    ]
    ours = []
    for case in cases(data):
        yield f"ours, {case.name}"
        ours.append(f"{seconds_of(case)[1]:.1f}")
    lines.append(f"| napari-saunetv2 | all of this page | {' | '.join(ours)} |")
    for name, what in MEASURES.items():
        found = []
        for case in cases(data):
            yield f"{name}, {case.name}"
            found.append(_of_peer(python, name, case))
        version = next((v for v, _ in found if v), "")
        lines.append(f"| {name} {version} | {what} | {' | '.join(words for _, words in found)} |")
    load = f"load {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores"
    return [
        *lines,
        "",
        f"Seconds of a processor ({processor()}; {load}), arteries and veins, from masks alone.",
    ]


def _of_peer(python: Path, name: str, case: Case) -> tuple[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "masks.npz"
        np.savez(file, arteries=case.arteries, veins=case.veins, disc=np.array(case.disc))
        script = Path(__file__).with_name("measured_by_peers.py")
        try:
            done = subprocess.run(
                [python, script, file, name], capture_output=True, text=True, timeout=LIMIT, check=True
            )
        except subprocess.TimeoutExpired:
            return "", f"stopped after {LIMIT} s"
        except subprocess.CalledProcessError as error:
            return "", f"fails: {error.stderr.strip().splitlines()[-1]}"
    version, _, seconds, said = json.loads(done.stdout.strip().splitlines()[-1])
    return version, f"{seconds:.1f}" + (f" ({said})" if said else "")


def processor() -> str:
    """Name of this machine's processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(": ", 1)[1] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration, IndexError):
        return platform.processor() or platform.machine()
