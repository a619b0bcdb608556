"""Print the log of all cycles of a training, for docs/models: ``python tools/training_log.py RUN``."""

import csv
import sys
from pathlib import Path


def main(run: Path) -> None:
    folders = [*sorted(run.glob("cycle-*"), key=lambda folder: int(folder.name.removeprefix("cycle-"))), run]
    table = csv.writer(sys.stdout, lineterminator="\n")
    for number, folder in enumerate(folders, start=1):
        with (folder / "log.csv").open(encoding="utf-8", newline="") as file:
            titles, *rows = csv.reader(file)
        if number == 1:
            table.writerow(["cycle", *titles])
        table.writerows([number, *row] for row in rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
