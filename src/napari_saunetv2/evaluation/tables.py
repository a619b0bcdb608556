"""Scores as text: CSV, JSON and Markdown."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from napari_saunetv2 import DISCLAIMER
from napari_saunetv2.evaluation.case import ABOUT, ImageScore, titles_of
from napari_saunetv2.evaluation.classes import CLASS_TITLES
from napari_saunetv2.evaluation.comparison import Comparison
from napari_saunetv2.evaluation.scores import mean
from napari_saunetv2.metrics import TITLES, shown


def as_csv(scores: Sequence[ImageScore], second: Sequence[ImageScore] = ()) -> str:
    """Table with one line per image, then the mean; then the same for a second observer, if given.

    After the metrics come the columns of ``ABOUT``: model, observer, threshold, field of view and version.
    The last column is a disclaimer.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    titles = titles_of([*scores, *second])
    writer.writerow(["image", *titles, *ABOUT, "note"])
    rows = [*scores, ImageScore("mean", mean(scores), _common(scores))]
    if second:
        others = [*second, ImageScore("mean", mean(second), _common(second))]
        rows += [ImageScore(f"{s.name} (second observer)", s.metrics, s.about) for s in others]
    for s in rows:
        numbers = (f"{s.metrics[name]:.6f}" for name in titles)
        writer.writerow([s.name, *numbers, *(s.about.get(name, "") for name in ABOUT), DISCLAIMER])
    return text.getvalue()


def _common(scores: Sequence[ImageScore]) -> dict[str, str]:
    """Return the properties that all scores share."""
    return {
        name: values.pop() for name in ABOUT if len(values := {s.about.get(name, "") for s in scores}) == 1
    }


def as_json(
    scores: Sequence[ImageScore],
    about: Mapping[str, Any],
    comparison: Mapping[str, Comparison] | None = None,
) -> str:
    """JSON with the settings, ``mean``, ``images`` and ``comparison``; missing values are null."""
    plain = {
        **about,
        "note": DISCLAIMER,
        "mean": _finite(mean(scores)),
        "images": [{"name": s.name, **_finite(s.metrics)} for s in scores],
    }
    if comparison is not None:
        plain["comparison"] = {name: _finite(asdict(one)) for name, one in comparison.items()}
    return json.dumps(plain, indent=1, allow_nan=False)


def as_markdown(
    scores: Sequence[ImageScore],
    title: str,
    comparison: Mapping[str, Comparison] | None = None,
) -> str:
    """Markdown table with the mean as its last line, and the comparison."""
    lines = [f"## {_cell(title)}"]
    for titles in by_kind(scores):
        lines += ["", *_table(["image", *titles.values()], score_rows(scores, titles, "**mean**"))]
    if comparison is not None:
        lines += ["", "Paired, image by image:", "", *_table(COMPARED, comparison_rows(comparison))]
    return "\n".join([*lines, "", DISCLAIMER]) + "\n"


COMPARED = ("metric", "first", "second", "difference", "95 % interval", "p (Wilcoxon)", "wins", "losses", "n")
"""Columns of a comparison."""


def comparison_rows(comparison: Mapping[str, Comparison]) -> list[list[str]]:
    """Text of a comparison, one row per metric, columns as ``COMPARED``."""
    return [
        [
            (TITLES | CLASS_TITLES)[name],
            shown(name, c.first),
            shown(name, c.second),
            _signed(name, c.difference),
            f"{_signed(name, c.low)} to {_signed(name, c.high)}" if np.isfinite(c.low) else "-",
            f"{c.p_value:.2g}" if np.isfinite(c.p_value) else "-",
            str(c.wins),
            str(c.losses),
            str(c.images),
        ]
        for name, c in comparison.items()
    ]


def by_kind(scores: Sequence[ImageScore]) -> list[dict[str, str]]:
    """Titles of the metrics of each table: of vessels, and of arteries and veins where they were scored."""
    of_classes = {k: v for k, v in titles_of(scores).items() if k in CLASS_TITLES}
    return [TITLES, *([of_classes] if of_classes else [])]


def score_rows(scores: Sequence[ImageScore], titles: Mapping[str, str], last: str) -> list[list[str]]:
    """Text of a table: one row for each image, then their mean, which ``last`` names."""
    rows = [*scores, ImageScore(last, mean(scores))]
    return [[s.name, *(shown(name, s.metrics[name]) for name in titles)] for s in rows]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    rules = ["---", *["--:"] * (len(head) - 1)]
    return [f"| {' | '.join(map(_cell, row))} |" for row in (head, rules, *rows)]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _signed(name: str, value: float) -> str:
    text = shown(name, value)
    return f"+{text}" if value > 0 else text


def _finite(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v if not isinstance(v, float) or np.isfinite(v) else None for k, v in values.items()}
