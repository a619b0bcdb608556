"""What a study of 10,000 photographs costs: measures a few, and writes the table of docs/tutorials/study.md.

    python benchmarks/study.py

The command itself is run on synthetic photographs, once on one of them and once on ``--count``; what a
photograph costs is the difference. Processor time is counted, not time that passed, so that other programs
disturb little; how many of them there were is written too.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from napari_saunetv2.files import write_image
from napari_saunetv2.imaging.synthetic import fundus

PAGE = Path(__file__).parents[1] / "docs" / "tutorials" / "study.md"
MARKS = "<!-- costs -->\n", "<!-- /costs -->"
MODELS = ("saunetv2-general", "saunetv2-av")
PHOTOGRAPHS = 10_000
PLACES = (("laptop with 4 cores, `--workers 4`", 4), ("32 cores, `--workers 32`", 32))
PROGRAM = "from napari_saunetv2.cli import main; main()"


@dataclass(frozen=True)
class Cost:
    """What a run took: processor time in seconds, most memory and size of the results in bytes."""

    seconds: float
    memory: int
    disk: int
    table: int


def photographs(folder: Path, count: int, side: int) -> Path:
    folder.mkdir(parents=True)
    for seed in range(count):
        write_image(folder / f"{seed}.png", fundus((side, side), seed).image)
    return folder


def cost(folder: Path, output: Path, model: str) -> Cost:
    """Run the command and wait for it alone."""
    words = [sys.executable, "-c", PROGRAM, "study", str(folder), "-o", str(output), "-m", model]
    # The same kind of work for every photograph, whatever this machine has: no engine is timed first.
    words += ["--engine", "openvino", "--precision", "float32"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the study ended with {process.returncode}")
    size = sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
    table = (output / "measurements.csv").stat().st_size
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, size, table)


def each(one: Cost, several: Cost, count: int) -> Cost:
    """What a further photograph costs; memory is that of the whole process."""
    further = count - 1
    return Cost(
        (several.seconds - one.seconds) / further,
        max(one.memory, several.memory),
        round((several.disk - one.disk) / further),
        round((several.table - one.table) / further),
    )


def hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds / 60:.0f} minutes"


def lines(found: dict[str, Cost], side: int, count: int, load: float) -> list[str]:
    costs = found.values()
    rows = [
        ("", *(f"`{model}`" for model in found)),
        ("---",) * (1 + len(found)),
        ("processor time a photograph", *(f"{cost.seconds:.1f} s" for cost in costs)),
        *((place, *(hours(PHOTOGRAPHS * cost.seconds / cores) for cost in costs)) for place, cores in PLACES),
        ("memory for each worker", *(f"{cost.memory / 2**30:.1f} GB" for cost in costs)),
        ("disk", *(f"{PHOTOGRAPHS * cost.disk / 1e9:.1f} GB" for cost in costs)),
        ("of which `measurements.csv`", *(f"{PHOTOGRAPHS * cost.table / 1e9:.1f} GB" for cost in costs)),
    ]
    return [
        *(f"| {' | '.join(row)} |".replace("| ---", "|---").replace("--- |", "---|") for row in rows),
        "",
        "These figures are calculated from what `make benchmark-study` measured: the processor time of "
        f"{count}",
        f"synthetic photographs of {side} x {side} pixels, while {load:.0f} other programs wanted to work on "
        f"{os.cpu_count()} cores.",
        "Cores are assumed to share the work evenly.",
    ]


def main() -> None:
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("--count", type=int, default=3)
    parse.add_argument("--side", type=int, default=2048)
    parse.add_argument("--page", type=Path, default=PAGE)
    wanted = parse.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        few = photographs(folder / "one", 1, wanted.side)
        many = photographs(folder / "several", wanted.count, wanted.side)
        for model in MODELS:
            one = cost(few, folder / model / "one", model)
            several = cost(many, folder / model / "several", model)
            found[model] = each(one, several, wanted.count)
            print(model, one, several, found[model], flush=True)
    load = max(0.0, os.getloadavg()[1] - 1)
    text = wanted.page.read_text(encoding="utf-8")
    before, rest = text.split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    table = "\n".join(lines(found, wanted.side, wanted.count, load))
    wanted.page.write_text(f"{before}{MARKS[0]}\n{table}\n\n{MARKS[1]}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
