"""200 photographs of five cameras, killed five times, by two workers, edited: ``make study-test``."""

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cohorts
import numpy as np
import pandas as pd
from PIL import Image

from napari_saunetv2.study.layout import Layout

KILLS = 5


def command(folder: Path, output: Path, workers: int = 1) -> list[str]:
    """The command as a user types it."""
    words = ["study", str(folder / "eyes"), "-o", str(output), "--sheet", str(folder / "sheet.csv")]
    words += ["--engine", "torch", "--precision", "float32", "--workers", str(workers)]
    return [sys.executable, "-c", "from napari_saunetv2.cli import main; main()", *words]


def run(folder: Path, output: Path, *, workers: int = 1, stop_after: int | None = None) -> int:
    """Run the command, or kill it after so many photographs; returns how many it did."""
    process = subprocess.Popen(command(folder, output, workers), stdout=subprocess.PIPE, text=True)
    done = 0
    for line in process.stdout:
        done += "segments" in line
        if done == stop_after:
            process.kill()
            break
    process.wait()
    process.stdout.close()
    assert stop_after is not None or process.returncode == 1, "it ends with 1, for some files are damaged"
    return done


def everything(output: Path) -> dict[str, bytes]:
    """All files but the records, which note when photographs were written."""
    files = {p.relative_to(output).as_posix(): p for p in output.rglob("*") if p.is_file()}
    return {n: p.read_bytes() for n, p in files.items() if not (n[:6] == "parts/" and n[-5:] == ".json")}


def same(one: Path, other: Path, what: str) -> None:
    first, second = everything(one), everything(other)
    differing = [name for name in first.keys() | second.keys() if first.get(name) != second.get(name)]
    assert not differing, f"{what}: {differing[:5]} differ"
    print(f"{what}: {len(first)} files are the same, byte for byte", flush=True)


def edit(folder: Path, output: Path) -> None:
    """Draw on one mask, and see that its rows alone change."""
    names = ("measurements", "segments", "photographs")
    before = {name: pd.read_csv(output / f"{name}.csv", dtype=str) for name in names}
    name = before["segments"].file[0]
    mask = Layout(output).mask(name.rpartition(".")[0], "vessels")
    drawn = np.array(Image.open(mask))
    height, width = drawn.shape
    drawn[height // 3 : height // 3 + 3, width // 4 : 3 * width // 4] = 255  # within the field of view
    Image.fromarray(drawn).save(mask)
    kept = mask.read_bytes()
    assert run(folder, output) == 1, "one photograph is measured again"
    assert mask.read_bytes() == kept
    for table, rows in before.items():
        now = pd.read_csv(output / f"{table}.csv", dtype=str)
        others, before_others = now[now.file != name], rows[rows.file != name]
        assert others.reset_index(drop=True).equals(before_others.reset_index(drop=True)), table
        assert (
            not now[now.file == name]
            .reset_index(drop=True)
            .equals(rows[rows.file == name].reset_index(drop=True))
        ), table
    print(f"an edit of {name} changed its rows alone", flush=True)


def qualities(output: Path, rows: list[dict[str, str]]) -> None:
    """See that the quality tells sharp photographs from blurred and dark ones."""
    seen = pd.read_csv(output / "photographs.csv").set_index("file")
    looks = pd.Series({row["file"]: cohorts.look(number) for number, row in enumerate(rows)})
    of = seen.quality.groupby(looks)
    print(f"quality, median: {of.median().round(2).to_dict()}", flush=True)
    for worse in ("blurred", "dark", "noise"):
        pairs = np.subtract.outer(of.get_group("sharp").to_numpy(), of.get_group(worse).to_numpy())
        assert (pairs > 0).mean() > 0.9, f"{worse} photographs are not told from sharp ones"
    assert (seen.fundus[looks[looks == "sharp"].index] == "yes").all()


def main() -> None:
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("--count", type=int, default=200)
    parse.add_argument("--keep", type=Path, help="keep the folder of the unbroken study here")
    wanted = parse.parse_args()
    draw = random.Random(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = cohorts.tree(folder / "eyes", wanted.count, patients=max(1, wanted.count // 4), scale=3)
        cohorts.sheet(folder / "sheet.csv", rows)
        begun = time.monotonic()
        done = run(folder, folder / "whole")
        seconds = time.monotonic() - begun
        failed = pd.read_csv(folder / "whole" / "failures.csv").what.value_counts().to_dict()
        print(f"{wanted.count} photographs: {done} done in {seconds:.0f} s, {failed}", flush=True)
        assert failed == {"failed": -(-(wanted.count - 4) // 20), "left out": 2}
        qualities(folder / "whole", rows)
        assert run(folder, folder / "whole") == 0, "nothing is done twice"
        for _ in range(KILLS):
            count = draw.randint(1, max(1, wanted.count // (KILLS + 2)))
            run(folder, folder / "killed", stop_after=count)
            print(f"killed after {count} photographs", flush=True)
        run(folder, folder / "killed")
        same(folder / "whole", folder / "killed", f"killed {KILLS} times and resumed")
        run(folder, folder / "two", workers=2)
        same(folder / "whole", folder / "two", "two workers")
        edit(folder, folder / "two")
        if wanted.keep is not None:
            shutil.copytree(folder / "whole", wanted.keep)


if __name__ == "__main__":
    main()
