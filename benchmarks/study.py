"""What a study of 10,000 photographs of 2048 x 2048 costs, from a few that are done here.

``make benchmark-study`` runs the command ``saunetv2 study`` with each model, in a process of its own, on
synthetic photographs. The cost of a photograph is the processor time beyond that of a run which finds nothing
to do. The table is written into docs/tutorials/study.md, with the load of this machine meanwhile: other
programs make processor time longer, never shorter.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from napari_saunetv2.engines import _machine
from napari_saunetv2.files import write_image
from napari_saunetv2.imaging.synthetic import fundus

PAGE = Path(__file__).parents[1] / "docs" / "tutorials" / "study.md"
MARKS = "<!-- cost -->\n", "<!-- /cost -->"
MODELS = ("saunetv2-general", "saunetv2-av")
SIDE, STUDY = 2048, 10_000
MACHINES = {"laptop with 4 cores": 4, "32 cores": 32}


def measured(model: str, count: int) -> dict[str, float]:
    """Cost of a photograph with a model: processor seconds, MB on disk and in a table, MB of memory."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        eyes, out = folder / "eyes", folder / "out"
        eyes.mkdir()
        _photograph(eyes, 0)
        first = _run(eyes, out, model)
        begun = _bytes(out), (out / "measurements.csv").stat().st_size
        for number in range(1, count + 1):
            _photograph(eyes, number)
        then = _run(eyes, out, model)
        return {
            "seconds": (then["seconds"] - _run(eyes, out, model)["seconds"]) / count,
            "disk": (_bytes(out) - begun[0]) / count / 1e6,
            "table": ((out / "measurements.csv").stat().st_size - begun[1]) / count / 1e6,
            "memory": max(first["memory"], then["memory"]),
        }


def _photograph(folder: Path, number: int) -> None:
    write_image(folder / f"{number}.png", fundus((SIDE, SIDE), seed=number).image)


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _run(eyes: Path, out: Path, model: str) -> dict[str, float]:
    """Run the command as a user does; processor time of all its threads, and its most memory."""
    words = [sys.executable, "-m", "napari_saunetv2.cli", "study", str(eyes), "-o", str(out), "-m", model]
    done = subprocess.run(
        [sys.executable, __file__, "--watch", *words], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def watch(words: list[str]) -> None:
    """Run a command, and print what it and its children took."""
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    took = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps({"seconds": took.ru_utime + took.ru_stime, "memory": took.ru_maxrss / 1024}))


def table(found: dict[str, dict[str, float]]) -> list[str]:
    """Rows for the page."""
    lines = [f"| | {' | '.join(f'`{model}`' for model in found)} |", f"|---|{'---|' * len(found)}"]

    def row(title: str, cells: list[str]) -> None:
        lines.append(f"| {title} | {' | '.join(cells)} |")

    row("processor time a photograph", [f"{one['seconds']:.1f} s" for one in found.values()])
    for machine, cores in MACHINES.items():
        hours = [one["seconds"] * STUDY / cores / 3600 for one in found.values()]
        row(f"{machine}, `--workers {cores}`", [f"{hour:.1f} hours" for hour in hours])
    row("memory for each worker", [f"{one['memory'] / 1000:.1f} GB" for one in found.values()])
    row("disk", [f"{one['disk'] * STUDY / 1000:.0f} GB" for one in found.values()])
    row("of which `measurements.csv`", [f"{one['table'] * STUDY / 1000:.1f} GB" for one in found.values()])
    return lines


def main() -> None:
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("--count", type=int, default=3, help="photographs beyond the first, for each model")
    parse.add_argument("--models", nargs="+", default=MODELS)
    parse.add_argument("--print", action="store_true", help="print the table and leave the page as it is")
    wanted = parse.parse_args()
    before = os.getloadavg()[0]
    found = {model: measured(model, wanted.count) for model in wanted.models}
    after = os.getloadavg()[0]
    lines = [
        *table(found),
        "",
        f"These figures are calculated from the processor time of {wanted.count} synthetic photographs, with",
        f"one worker, on an {_machine.processor()}. Meanwhile {before:.0f} to {after:.0f} programs shared",
        f"{os.cpu_count()} cores.",
    ]
    print("\n".join(lines))
    if not wanted.print:
        head, rest = PAGE.read_text(encoding="utf-8").split(MARKS[0])
        text = "\n".join(lines)
        PAGE.write_text(f"{head}{MARKS[0]}\n{text}\n\n{MARKS[1]}{rest.split(MARKS[1])[1]}", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--watch"]:
        watch(sys.argv[2:])
    else:
        main()
