"""How exact, how repeatable and how fast the measurements are: writes the tables of docs/measurements.md.

    PYTHONPATH=tests/measure python benchmarks/measure.py ../shared/data -o ~/.cache/repeat

Photographs are measured once and kept in the folder of ``-o``: a run that was stopped goes on where it
was, and prints where it is. ``time`` needs an idle machine and ``peers`` the other programs, so they are only
done when they are asked for.
"""

import argparse
import logging
import math
import sys
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path

import measure_caliber
import measure_masks
import measure_peers
import measure_photographs
import measure_shapes
import measure_steadiness
import measure_threshold
import measure_vascx

from napari_saunetv2.progress import drain

PAGE = Path(__file__).parents[1] / "docs" / "measurements.md"

Work = Generator[str, None, list[str]]

STUDIES = (
    "bars",
    "curves",
    "expert",
    "time",
    "peers",
    "vascx",
    "discs",
    "masks",
    "steadiness",
    "threshold",
    "caliber",
    "photographs",
)
"""Names of their places in the page."""


def works(data: Path, kept: Path, share: float, peers: Path) -> dict[str, Callable[[], Work]]:
    """Every study of ``STUDIES``, with the first ``share`` of the photographs of each set."""

    def first(count: int) -> int:
        return math.ceil(share * count)

    return {
        "bars": measure_shapes.bars,
        "curves": measure_shapes.curves,
        "expert": lambda: measure_shapes.expert(data),
        "time": lambda: measure_masks.timed(data),
        "peers": lambda: measure_peers.timed(data, peers),
        "vascx": lambda: measure_vascx.compared(data),
        "discs": lambda: measure_masks.discs(data),
        "masks": lambda: measure_masks.repeated(data, first(20)),
        "steadiness": lambda: measure_steadiness.compared(data, (first(8), first(6))),
        "threshold": lambda: measure_threshold.compared(data, first),
        "caliber": lambda: measure_caliber.compared(data, first),
        "photographs": lambda: measure_photographs.compared(data, kept, first),
    }


def written(name: str, lines: list[str]) -> None:
    """Replace what stands between the marks of a study in the page."""
    before, after = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    text = PAGE.read_text(encoding="utf-8")
    head, rest = text.split(before)
    tail = rest.split(after)[1]
    PAGE.write_text(head + before + "\n".join(["", *lines, ""]) + "\n" + after + tail, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder of data sets")
    parser.add_argument("-o", "--out", type=Path, help="folder in which photographs' values are kept")
    parser.add_argument("--share", type=float, default=1.0, help="of the photographs of each set")
    parser.add_argument(
        "--peers", type=Path, default=Path("/nowhere"), help="Python of an environment with pvbm and skan"
    )
    parser.add_argument("--only", nargs="+", choices=STUDIES, help="all but time and peers by default")
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as nowhere:
        every = works(given.data, given.out or Path(nowhere), given.share, given.peers)
        for name in given.only or [n for n in STUDIES if n not in ("time", "peers")]:
            lines = drain(every[name](), lambda state: print(state, file=sys.stderr, flush=True))
            print("\n".join(lines), end="\n\n", flush=True)
            written(name, lines)


if __name__ == "__main__":
    main()
