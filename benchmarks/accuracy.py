"""Score every bundled model on the photographs it never saw, beside the published figures.

``make benchmark-accuracy`` writes docs/models/accuracy.md, and docs/models/accuracy.json with the F1 of every
photograph, which docs/figures.py draws. ``--only saunetv2-av`` renews the rows of one model.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from cameras import folder_of
from inference import MODES

from napari_saunetv2 import datasets, evaluation, inference
from napari_saunetv2.metrics import TITLES
from napari_saunetv2.models import checkpoint
from napari_saunetv2.training.recipes import HRF_FIRST_THREE

HERE = Path(__file__).parent
CARDS = HERE.parent / "docs" / "models"
OTHERS = ("se", "sp", "acc", "auc", "mcc")
"""Metrics of the second table; F1 stands in the first."""

BY_ENGINE = "saunetv2-drive"
"""Model that is also scored in every engine and in tiles."""


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
    Row("saunetv2-drive", "drive", protocol="fov", published="SA-UNetv2 .8284, little W-Net .8278 (4 views)"),
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
    *(Row("saunetv2-general", key, protocol="fov") for key in ("drive", "stare", "chase", "hrf", "ravir")),
    Row("saunetv2-av", "rite", protocol="fov"),
    *(Row("saunetv2-octa", key) for key in ("octa500-6m", "octa500-3m", "rossa")),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder that holds DRIVE, STARE, CHASE_DB1 and HRF")
    parser.add_argument("--out", type=Path, default=CARDS / "accuracy.md")
    parser.add_argument("--quick", action="store_true", help="leave out the tiles, which take minutes")
    parser.add_argument("--only", metavar="MODEL", help="renew the rows of this model and leave all others")
    arguments = parser.parse_args()
    if arguments.only:
        _renew(arguments.only, arguments.data, arguments.out)
        return
    known = {info.name for info in checkpoint.available()}
    scored = [(row, _scores(row, arguments.data)) for row in ROWS if row.model in known]
    CARDS.joinpath("accuracy.json").write_text(_by_image(scored), encoding="utf-8")
    text = (
        _HEAD
        + _left_out()
        + _tables([(row, len(s), evaluation.mean(s)) for row, s in scored])
        + _cross_validation()
    )
    text += _by_mode(arguments.data / "DRIVE")
    text += "" if arguments.quick else _tiled(arguments.data / "HRF")
    arguments.out.write_text(text, encoding="utf-8")
    print(text)


def _renew(model: str, data: Path, page: Path) -> None:
    """Score the rows of one model, and write them where its former ones are."""
    scored = [(row, _scores(row, data)) for row in ROWS if row.model == model]
    mine = f"| `{model}` |"
    tables = _tables([(row, len(s), evaluation.mean(s)) for row, s in scored])
    new = iter([line for line in tables.splitlines() if line.startswith(mine)])
    lines = page.read_text(encoding="utf-8").splitlines()
    if not scored or sum(line.startswith(mine) for line in lines) != 2 * len(scored):
        sys.exit(f"{page.name} has other rows of {model} than this script: make the whole page.")
    renewed = [next(new) if line.startswith(mine) else line for line in lines]
    text = "\n".join(renewed) + "\n"
    if model == BY_ENGINE:
        text = text.partition(_MODES_HEAD)[0] + _by_mode(data / "DRIVE") + _tiled(data / "HRF")
    page.write_text(text, encoding="utf-8")
    path = CARDS / "accuracy.json"
    old = [one for one in json.loads(path.read_text(encoding="utf-8")) if one["model"] != model]
    order = list(dict.fromkeys(row.model for row in ROWS))
    kept = sorted([*old, *json.loads(_by_image(scored))], key=lambda one: order.index(one["model"]))
    path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    print("\n".join(line for line in renewed if line.startswith(mine)))


_HEAD = """\
# Accuracy

Every bundled model for vessels was scored on photographs that it was neither trained nor validated on.
Each number is a mean over photographs. The first observer's labels are the truth.

- **F1**, also called Dice, is the main number: 1 is perfect agreement, and a second human observer of
  DRIVE reaches 0.788.
- **whole** counts every pixel of the photograph, as most papers do. **fov** counts the field of view
  only, the round lit area.
- **plain** is one pass of the network. **D4** is the mean over eight passes, of the mirrored and rotated
  copies of the photograph.
- The number in parentheses is the number of photographs. Training images of CHASE_DB1 and HRF decided how
  photographs of another scale are reduced, so CHASE_DB1 (8) and HRF (6) leave these images out.

![F1 of each photograph, by data set](../images/accuracy-by-camera.svg)

`make benchmark-accuracy` makes this page again.

"""


PUBLISHED_LEFT_OUT = {
    "drive": ".775 to .797", "stare": ".806 to .820", "chase": ".779 to .799", "hrf": ".746 to .802",
}  # fmt: skip
"""F1 of networks trained on all other data sets, by Idiap (bob.ip.binseg)."""


def _left_out() -> str:
    """Leave one data set out: what to expect of a camera that nobody trained on."""
    path = CARDS / "left-out.json"
    if not path.exists():
        return ""
    lines = [line for line in json.loads(path.read_text(encoding="utf-8")) if line["part"] == "all"]
    rows = []
    for line in lines:
        title, mean = datasets.DATASETS[line["dataset"]].title, line["mean"]
        numbers = " | ".join(
            f"{mean[key]:.4f}" for key in ("f1", "worst", "se", "precision", "cldice", "width")
        )
        published = PUBLISHED_LEFT_OUT.get(line["dataset"], "")
        rows.append(f"| {title} ({len(line['images'])}) | {numbers} | {published} |")
    mean = np.mean([line["mean"]["f1"] for line in lines])
    return _LEFT_OUT_HEAD + "\n".join(rows) + f"\n\nMean F1 over the data sets: {mean:.4f}.\n\n"


_LEFT_OUT_HEAD = """\
## On a camera that nobody trained on

Each row is a short training, 3,200 steps from random weights (`saunetv2 train --recipe left-out`), on five
data sets, scored on all photographs of the sixth: field of view only, plain, threshold 0.5. This is what to
expect of `saunetv2-general` on your camera. *width* is the width of the vessels over the observer's, where
both see one, the median over photographs. *Published* is the range of F1 of networks that Idiap trained on
all other data sets (bob.ip.binseg). [What was tried](experiments.md#observers-told-apart) says why ARIA and
ORVS are lower: their observers draw vessels as nobody else does.

`make benchmark-cameras ARGS="--left-out drive=MODEL ... --json docs/models/left-out.json"` scores these
models, which are not bundled.

| left out (photographs) | F1 | worst F1 | sensitivity | precision | clDice | width | published |
|---|---|---|---|---|---|---|---|
"""


def _tables(rows: list[tuple[Row, int, dict[str, float]]]) -> str:
    """F1 beside the published one, then the other metrics."""
    first = [
        "## F1",
        "",
        "The published networks are SA-UNet (Guo et al., 2021), SA-UNetv2 (Guo et al., 2025), RSAN (Guo et "
        "al., 2020), SGL (Zhou et al., 2021) and little W-Net (Galdran et al., 2022). *Best trained on DRIVE "
        "alone* is the best published score on this data set of a network that was trained on DRIVE only.",
        "",
        "| model | photographs | pixels | views, threshold | F1 | F1 of published networks |",
        "|---|---|---|---|---|---|",
    ]
    second = [
        "",
        "## Other metrics",
        "",
        "SE is sensitivity, the share of vessel pixels that were found. SP is specificity, the share of "
        "background pixels that were not marked as vessel. ACC is accuracy, the share of all pixels that are "
        "right. AUC is the area under the receiver operating characteristic curve, over all thresholds. MCC "
        "is the Matthews correlation coefficient.",
        "",
        f"| model | photographs | pixels | views, threshold | {' | '.join(TITLES[k] for k in OTHERS)} |",
        "|---|---|---|---|" + "---|" * len(OTHERS),
    ]
    for row, count, mean in rows:
        title = datasets.DATASETS[row.dataset].title
        start = f"| `{row.model}` | {title} ({count}) | {row.protocol} | {row.how} |"
        first.append(f"{start} {mean['f1']:.4f} | {row.published} |")
        second.append(f"{start} {' | '.join(f'{mean[key]:.4f}' for key in OTHERS)} |")
    return "\n".join([*first, *second]) + "\n"


def _scores(row: Row, root: Path) -> list[evaluation.ImageScore]:
    """Scores of a row, photograph by photograph."""
    model = checkpoint.load(row.model)
    found = datasets.read(folder_of(root, row.dataset) or root, row.dataset)
    samples = [s for s in found if s.label_paths and s.name not in row.without]
    samples = evaluation.chosen(samples, row.split, model.header)
    return list(
        evaluation.evaluate(samples, model, protocol=row.protocol, tta=row.tta, threshold=row.threshold)
    )


def _by_image(scored: list[tuple[Row, list[evaluation.ImageScore]]]) -> str:
    """F1 of every photograph in every row."""
    rows = [
        {
            "model": row.model,
            "dataset": row.dataset,
            "protocol": row.protocol,
            "how": row.how,
            "f1": {score.name: round(score.metrics["f1"], 4) for score in scores},
        }
        for row, scores in scored
    ]
    return json.dumps(rows, indent=1) + "\n"


def _cross_validation() -> str:
    """STARE's folds were trained one by one; their table is kept, for weights of folds are not bundled."""
    path = CARDS / "stare-folds.json"
    if not path.exists():
        return ""
    found = json.loads(path.read_text(encoding="utf-8"))
    return (
        f"\nCross-validation on STARE trains the recipe `stare` five times, starting from {found['base']}, "
        f"and scores four images each time, in file order. F1 over all 20 images, {found['protocol']}, is "
        f"{found['mean']['f1']:.4f}. The paper on SA-UNetv2 has .8281 on one fold.\n"
    )


def _by_mode(root: Path) -> str:
    """DRIVE's test images in every engine and precision: what may be chosen by itself, and what may not."""
    samples = evaluation.chosen(datasets.read(root, "drive"), "test")
    model = checkpoint.load(BY_ENGINE)
    lines = []
    for engine, precision in MODES:
        found = []
        for sample in samples:
            prediction = inference.segment(sample.image(), model, engine=engine, precision=precision)
            found.append(evaluation.score(sample.labels(), prediction, 0.5, None)["f1"])
        lines.append(f"| {engine} | {precision} | {np.mean(found):.5f} |")
    return _MODES_HEAD + "\n".join(lines) + "\n"


_MODES_HEAD = """
## The same F1 in every engine

Scores of `saunetv2-drive` on DRIVE's test images: every pixel of the photograph, threshold 0.5. An engine is
the program that runs the network. A stricter check decides what `auto` may choose: see
[precision](../precision.md).

| engine | precision | F1 |
|---|---|---|
"""


def _tiled(root: Path) -> str:
    """HRF's images at their own scale, whole and in tiles: seams and other statistics would cost F1."""
    samples = [s for s in datasets.read(root, "hrf") if s.label_paths]
    model = checkpoint.load(BY_ENGINE)
    found: dict[str | int, list[float]] = {"off": [], 1536: [], 1024: []}
    for sample, (tile, scores) in product(samples, found.items()):
        prediction = inference.segment(sample.image(), model, rescale="off", tile=tile, precision="float32")
        scores.append(evaluation.score(sample.labels(), prediction, 0.5, sample.fov())["f1"])
    rows = (
        f"| {'whole' if tile == 'off' else tile} | {np.mean(scores):.4f} |" for tile, scores in found.items()
    )
    return _TILES_HEAD + "\n".join(rows) + "\n"


_TILES_HEAD = """
## The same F1 in tiles

Scores of `saunetv2-drive` on HRF's 15 images at their own scale (`rescale="off"`): field of view only,
threshold 0.5. *whole* is the image in one piece.

| side of a tile, pixels | F1 |
|---|---|
"""


if __name__ == "__main__":
    main()
