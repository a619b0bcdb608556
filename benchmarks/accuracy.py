"""Score every bundled model on the photographs it never saw, beside the published figures.

``make benchmark-accuracy`` writes docs/models/accuracy.md.
"""

import argparse
import json
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from inference import MODES

from napari_saunetv2 import datasets, evaluation, inference
from napari_saunetv2.models import checkpoint
from napari_saunetv2.training.recipes import HRF_FIRST_THREE

HERE = Path(__file__).parent
CARDS = HERE.parent / "docs" / "models"


@dataclass(frozen=True)
class Row:
    """A line of the table: a model on images of a set that it was not trained on."""

    model: str
    dataset: str
    split: str = "unseen"
    protocol: str = "whole"
    tta: str = "none"
    threshold: str | float = 0.5
    published: str = ""
    without: frozenset[str] = frozenset()

    @property
    def how(self) -> str:
        """Test-time augmentation and threshold, in words."""
        level = "its own threshold" if self.threshold == "auto" else "0.5"
        return f"{'plain' if self.tta == 'none' else self.tta.upper()}, {level}"


ROWS = (
    Row("saunetv2-drive", "drive", published="SA-UNetv2 .8282"),
    Row("saunetv2-drive", "drive", protocol="fov", published="SA-UNetv2 .8284, little W-Net .8278"),
    Row("saunetv2-drive", "drive", tta="d4", threshold="auto", published="SGL .8316 (15.5 M parameters)"),
    Row("saunet-drive", "drive", published="SA-UNet .8263"),
    Row("rsan-drive", "drive", published="RSAN .8222"),
    Row("saunetv2-stare", "stare", protocol="fov", published="little W-Net .839"),
    Row("saunetv2-chase", "chase", published="SA-UNet .8153, SGL .8271"),
    Row("saunetv2-drive", "stare", protocol="fov", published="best trained on DRIVE alone .81"),
    Row("saunetv2-drive", "chase", protocol="fov", published="best trained on DRIVE alone .77"),
    Row("saunetv2-drive", "hrf", protocol="fov", published="best trained on DRIVE alone .744"),
    # Without the images that chose how photographs of another scale are shrunk.
    Row("saunetv2-drive", "chase", protocol="fov", split="test"),
    Row("saunetv2-drive", "hrf", protocol="fov", without=HRF_FIRST_THREE),
    *(Row("saunetv2-general", key, protocol="fov") for key in datasets.DATASETS),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder that holds DRIVE, STARE, CHASE_DB1 and HRF")
    parser.add_argument("--out", type=Path, default=CARDS / "accuracy.md")
    parser.add_argument("--quick", action="store_true", help="leave out the tiles, which take minutes")
    arguments = parser.parse_args()
    known = {info.name for info in checkpoint.available()}
    lines = [_line(row, arguments.data) for row in ROWS if row.model in known]
    text = _HEAD + "\n".join(lines) + "\n" + _cross_validation()
    text += _by_mode(arguments.data / "DRIVE")
    text += "" if arguments.quick else _tiled(arguments.data / "HRF")
    arguments.out.write_text(text, encoding="utf-8")
    print(text)


_HEAD = """\
# Accuracy

Every bundled model on photographs that it was neither trained nor validated on; means, first observer.
*Whole* counts every pixel of the frame, *fov* the field of view (official masks, or found). How photographs
of another scale are shrunk was chosen on training images of CHASE_DB1 and HRF: CHASE_DB1 (8) and HRF (6) are
without them. Made by

```
make benchmark-accuracy
```

| model | images | protocol | how | SE | SP | ACC | AUC | F1 | MCC | published F1 |
|---|---|---|---|---|---|---|---|---|---|---|
"""


def _line(row: Row, root: Path) -> str:
    model = checkpoint.load(row.model)
    title = datasets.DATASETS[row.dataset].title
    found = datasets.read(root / title, row.dataset)
    samples = [s for s in found if s.label_paths and s.name not in row.without]
    samples = evaluation.chosen(samples, row.split, model.header)
    scores = list(
        evaluation.evaluate(samples, model, protocol=row.protocol, tta=row.tta, threshold=row.threshold)
    )
    mean = evaluation.mean(scores)
    figures = " | ".join(f"{mean[key]:.4f}" for key in ("se", "sp", "acc", "auc", "f1", "mcc"))
    return (
        f"| `{row.model}` | {title} ({len(samples)}) | {row.protocol} | {row.how} | {figures} "
        f"| {row.published} |"
    )


def _cross_validation() -> str:
    """STARE's folds were trained one by one; their table is kept, for weights of folds are not bundled."""
    path = CARDS / "stare-folds.json"
    if not path.exists():
        return ""
    found = json.loads(path.read_text(encoding="utf-8"))
    return (
        f"\nSTARE, five folds of four images in file order, recipe `stare` from {found['base']}, all 20 "
        f"images, protocol {found['protocol']}: F1 {found['mean']['f1']:.4f} (SA-UNetv2 published .8281 on "
        "one fold).\n"
    )


def _by_mode(root: Path) -> str:
    """DRIVE's test images in every engine and precision: what may be chosen by itself, and what may not."""
    samples = evaluation.chosen(datasets.read(root, "drive"), "test")
    model = checkpoint.load("saunetv2-drive")
    lines = []
    for engine, precision in MODES:
        found = []
        for sample in samples:
            answer = inference.segment(sample.image(), model, engine=engine, precision=precision)
            found.append(evaluation.score(sample.labels(), answer, 0.5, None)["f1"])
        lines.append(f"| {engine} | {precision} | {np.mean(found):.5f} |")
    return _MODES_HEAD + "\n".join(lines) + "\n"


_MODES_HEAD = """
## The same answer in every engine

`saunetv2-drive`, DRIVE's test images, every pixel of the frame, threshold 0.5. An engine or precision
that moves F1 by more than .0005 is never chosen by itself.

| engine | precision | F1 |
|---|---|---|
"""


def _tiled(root: Path) -> str:
    """HRF's images at their own scale, whole and in tiles: seams and other statistics would cost F1."""
    samples = [s for s in datasets.read(root, "hrf") if s.label_paths]
    model = checkpoint.load("saunetv2-drive")
    found: dict[str | int, list[float]] = {"off": [], 1536: [], 1024: []}
    for sample, (tile, scores) in product(samples, found.items()):
        answer = inference.segment(sample.image(), model, rescale="off", tile=tile, precision="float32")
        scores.append(evaluation.score(sample.labels(), answer, 0.5, sample.fov())["f1"])
    rows = (
        f"| {'whole' if tile == 'off' else tile} | {np.mean(scores):.4f} |" for tile, scores in found.items()
    )
    return _TILES_HEAD + "\n".join(rows) + "\n"


_TILES_HEAD = """
## The same answer in tiles

`saunetv2-drive`, HRF's 15 images at their own scale (`rescale="off"`), field of view, threshold 0.5.

| side of the tiles | F1 |
|---|---|
"""


if __name__ == "__main__":
    main()
