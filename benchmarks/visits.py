"""Judge the registration of two visits, and the intervals of a change, where the truth is known.

    PYTHONPATH=tests/visits python benchmarks/visits.py ../shared/data

writes the tables of docs/visits.md. Photographs of DRIVE's test part are moved by transforms that are known,
and segmented anew; ORVS has pairs of photographs of one eye; photographs of two eyes must be refused.
"""

import argparse
import logging
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from known import Moved
from numpy.typing import NDArray

from napari_saunetv2 import datasets
from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.errors import RegistrationError
from napari_saunetv2.files import read_image, read_mask
from napari_saunetv2.visits import Comparison, Visit, compare, register, segmented
from napari_saunetv2.visits.photograph import About

PAGE = Path(__file__).parents[1] / "docs" / "visits.md"

MODEL = InferenceConfig()

GAMMA, NOISE = 0.15, 0.012
"""How far the exposure of a moved copy differs, as an exponent, and its noise, range [0, 1]."""

SAME_EYE = (("2028", "2030"), ("2115", "2118"), ("2116", "2117"))
"""Photographs of ORVS that show one eye each."""

VERDICTS = {"width": ("wider", "narrower"), "length": ("longer", "shorter")}


def moves(rng: np.random.Generator) -> dict[str, Moved]:
    """Draw one transform of each kind; lengths are pixels of DRIVE, 540 across the field of view."""
    turn, size, shift = rng.uniform(-12, 12), rng.uniform(0.92, 1.09), rng.uniform(-25, 25, 2)
    far = rng.uniform(-75, 75, 2)
    wave, length, seed = rng.uniform(1, 5), rng.uniform(280, 450), int(rng.integers(1000))
    return {
        "turned up to 12 degrees, scaled up to 9 %": Moved(turn, size, shift),
        "the same, and bent by 1 to 5 px": Moved(turn, size, shift, wave, length, seed),
        "turned by any angle, scaled by 0.75 to 1.33, shifted up to 100 px, bent": Moved(
            rng.uniform(-180, 180), np.exp(rng.uniform(-0.288, 0.288)), far, wave / 2, length, seed
        ),
    }


def taken_again(pixels: NDArray[np.uint8], known: Moved, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Move a photograph, and let the camera expose it differently, with noise of its own."""
    moved = np.clip(known.image(pixels.astype(np.float64), order=3) / 255, 0, 1)
    exposed = moved ** np.exp(rng.uniform(-GAMMA, GAMMA)) + rng.normal(0, NOISE, moved.shape)
    return np.rint(np.clip(np.where(moved > 0.02, exposed, moved), 0, 1) * 255).astype(np.uint8)


@dataclass
class Tally:
    """What a group of pairs came to."""

    errors: list[float] = field(default_factory=list)
    far: list[float] = field(default_factory=list)
    confidences: list[float] = field(default_factory=list)
    changes: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in VERDICTS})
    doubts: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in VERDICTS})
    refused: int = 0

    def add(self, found: Comparison, errors: NDArray[np.float64] | None = None) -> None:
        if errors is not None:
            self.errors.append(float(np.median(errors)))
            self.far.append(float(np.percentile(errors, 95)))
        self.confidences.append(found.registration.confidence)
        for name in VERDICTS:
            known = found.segments.dropna(subset=[f"{name}_change"])
            self.changes[name] += known[f"{name}_change"].tolist()
            self.doubts[name] += known[f"{name}_uncertainty"].tolist()

    def __iadd__(self, other: "Tally") -> "Tally":
        for name in ("errors", "far", "confidences"):
            getattr(self, name).extend(getattr(other, name))
        for name in VERDICTS:
            self.changes[name] += other.changes[name]
            self.doubts[name] += other.doubts[name]
        self.refused += other.refused
        return self

    def covered(self) -> str:
        """Columns of width and length: segments, share whose interval has 0 in it, half an interval."""
        cells = []
        for name in VERDICTS:
            change, doubt = np.abs(self.changes[name]), np.array(self.doubts[name])
            cells += [f"{len(change)}", f"{(change <= doubt).mean():.1%}", f"{np.median(doubt):.2f}"]
        return " | ".join(cells)


COVERED = "segments | width within | half interval, px | segments | length within | half interval, px"


def known_transforms(data: Path, first: int) -> Iterator[str]:
    tallies: dict[str, Tally] = {}
    for sample in [s for s in datasets.read(data / "DRIVE") if s.split == "test"][:first]:
        pixels = read_image(sample.image_path)
        number = int(sample.image_path.name[:2])
        eye = segmented(pixels, MODEL, About(sample.image_path.name))
        rng = np.random.default_rng(number)
        for kind, known in moves(rng).items():
            tally = tallies.setdefault(kind, Tally())
            moved = segmented(taken_again(pixels, known, rng), MODEL, About("moved"))
            try:
                found = compare(eye, moved)
            except RegistrationError as error:
                print(number, kind, error, file=sys.stderr)
                tally.refused += 1
                continue
            tally.add(found, known.errors(found.registration, eye, moved))
            print(number, kind, tally.errors[-1], tally.covered(), file=sys.stderr, flush=True)
    yield f"| DRIVE's photographs, moved | pairs | refused | error, px | worst pair | 95 % | {COVERED} |"
    yield "|---" * 12 + "|"
    every = Tally()
    for kind, tally in tallies.items():
        every += tally
        yield row(kind, tally)
    yield row("all", every)


def row(kind: str, tally: Tally) -> str:
    return (
        f"| {kind} | {len(tally.errors) + tally.refused} | {tally.refused} | {np.median(tally.errors):.2f} | "
        f"{max(tally.errors):.2f} | {np.median(tally.far):.2f} | {tally.covered()} |"
    )


def same_eyes(data: Path) -> Iterator[str]:
    yield f"| photographs of ORVS | confidence | residual, px | {COVERED} |"
    yield "|---" * 9 + "|"
    every = Tally()
    for pair in SAME_EYE:
        files = [data / "ORVS" / "images" / f"{name}.jpg" for name in pair]
        one, other = (segmented(read_image(file), MODEL, About(file.name)) for file in files)
        tally = Tally()
        found = compare(one, other)
        tally.add(found)
        every += tally
        about = found.registration
        yield f"| {' and '.join(pair)} | {about.confidence:.2f} | {about.residual:.2f} | {tally.covered()} |"
        print(pair, tally.covered(), file=sys.stderr, flush=True)
    yield f"| all | | | {every.covered()} |"


def two_eyes(data: Path) -> Iterator[str]:
    """Masks by observers: those of two eyes have the more in common the better they are."""
    test = [s for s in datasets.read(data / "DRIVE") if s.split == "test"]
    drive = [_masked(next(iter(s.label_paths.values())), s.fov_path) for s in test]
    chase = [data / "CHASE_DB1" / f"Image_{n:02d}{side}_1stHO.png" for n in range(1, 15) for side in "LR"]
    sides = [_masked(path, None) for path in chase]
    groups = {
        "neighbours in DRIVE's test part": list(pairwise(drive)),
        "left and right eyes of CHASE_DB1": list(zip(sides[::2], sides[1::2], strict=True)),
        "an eye of CHASE_DB1 and its mirror image": [(one, _mirrored(one)) for one in sides[::2]],
    }
    yield "| two eyes | pairs | refused | taken, with a warning | taken in silence | highest confidence |"
    yield "|---" * 6 + "|"
    for name, pairs in groups.items():
        ends = [_end(*pair) for pair in pairs]
        print(name, ends, file=sys.stderr, flush=True)
        counts = [sum(end == what for end, _ in ends) for what in ("refused", "doubted", "taken")]
        most = max(confidence for _, confidence in ends)
        yield f"| {name} | {len(pairs)} | {' | '.join(map(str, counts))} | {most:.2f} |"


def _masked(vessels: Path, fov: Path | None) -> Visit:
    return Visit(read_mask(vessels), None if fov is None else read_mask(fov), name=vessels.name)


def _mirrored(visit: Visit) -> Visit:
    return Visit(np.fliplr(visit.inputs.vessels), np.fliplr(visit.inputs.fov), name="mirror image")


def _end(moving: Visit, fixed: Visit) -> tuple[str, float]:
    """How the registration of a pair ended, and with what confidence; 0 where no place was found at all."""
    try:
        found = register(moving, fixed)
    except RegistrationError as error:
        told = re.search(r"confidence (\d\.\d+)", str(error))
        return "refused", float(told[1]) if told else 0.0
    return "doubted" if found.warnings else "taken", found.confidence


def written(name: str, lines: Iterable[str]) -> None:
    """Replace what stands between the marks of a table in the page."""
    before, after = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    made = "\n".join(lines)  # takes minutes, in which the page may be edited
    text = PAGE.read_text(encoding="utf-8")
    head, rest = text.split(before)
    tail = rest.split(after)[1]
    print(made, end="\n\n", flush=True)
    PAGE.write_text(f"{head}{before}\n{made}\n\n{after}{tail}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of data sets")
    parser.add_argument("--first", type=int, default=20, help="photographs of DRIVE")
    parser.add_argument("--only", nargs="+", default=["same", "known", "others"], help="tables")
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    tables = {
        "known": lambda: known_transforms(given.data, given.first),
        "same": lambda: same_eyes(given.data),
        "others": lambda: two_eyes(given.data),
    }
    for name in given.only:
        written(name, tables[name]())


if __name__ == "__main__":
    main()
