"""A page that says all about an evaluation: one HTML file that loads nothing."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from napari_saunetv2 import NO_DEVICE
from napari_saunetv2.checkpoint import Checkpoint
from napari_saunetv2.evaluation.comparison import compare
from napari_saunetv2.evaluation.curve import Curve, curve, mean_curve, mean_point, operating_point
from napari_saunetv2.evaluation.plot import Drawn, as_svg
from napari_saunetv2.evaluation.scores import Case, ImageScore, mean, worst_first
from napari_saunetv2.evaluation.tables import COMPARED, comparison_rows
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.overlay import AGREEMENT, agreement, agreement_picture
from napari_saunetv2.metrics import TITLES, shown

PICTURE_SIDE = 700
"""Pixels of a picture's longer side, at most."""


@dataclass(frozen=True)
class Entry:
    """What the page keeps of an image, so that a large data set need not stay in memory.

    Attributes
    ----------
    score : ImageScore
    picture : bytes
        PNG of right and wrong on the photograph; empty without a photograph.
    point : (float, float)
        Recall and precision.
    curve : Curve or None
        None for labels.
    """

    score: ImageScore
    picture: bytes
    point: tuple[float, float]
    curve: Curve | None


def entry(case: Case) -> Entry:
    """Score an image and draw it; raises ImageError when its maps differ in shape."""
    score, vessels = case.score(), case.vessels()
    drawn = io.BytesIO()
    if case.image is not None:
        codes = agreement(case.truth, vessels, case.inside)
        agreement_picture(to_unit(case.image), codes, PICTURE_SIDE).save(drawn, "PNG", optimize=True)
    line = curve(case.truth, case.answer, case.inside) if case.probable else None
    point = operating_point(case.truth, vessels, case.inside)
    return Entry(score, drawn.getvalue(), point, line)


def page(
    entries: Sequence[Entry],
    title: str,
    about: Mapping[str, Any],
    *,
    model: Checkpoint | None = None,
    others: Sequence[Entry] = (),
) -> str:
    """Write the page.

    Parameters
    ----------
    entries : sequence of Entry
        At least one.
    title : str
    about : mapping
        Settings of the evaluation.
    model : Checkpoint, optional
        Whose card is shown.
    others : sequence of Entry
        Of the same images: what they are compared with, image by image.

    Returns
    -------
    str
        HTML; every name in it is escaped.
    """
    parts = {
        "title": escape(title),
        "note": escape(NO_DEVICE),
        "scores": _table(["image", *TITLES.values()], _score_rows(entries)),
        "curve": _curve(entries, others, about),
        "comparison": _comparison(entries, others, about),
        "pictures": _pictures(entries),
        "settings": _pairs(about),
        "card": _card(model),
    }
    template = files("napari_saunetv2.evaluation").joinpath("report.html").read_text(encoding="utf-8")
    return Template(template).substitute(parts)


def _sorted(entries: Sequence[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda e: worst_first(e.score))


def _score_rows(entries: Sequence[Entry]) -> list[list[str]]:
    scores = [e.score for e in _sorted(entries)]
    rows = [ImageScore("mean", mean(scores)), *scores]
    return [[s.name, *(shown(name, s.metrics[name]) for name in TITLES)] for s in rows]


def _names(about: Mapping[str, Any]) -> tuple[str, str]:
    return str(about.get("scored", "first")), str(about.get("compared with", "second"))


def _curve(entries: Sequence[Entry], others: Sequence[Entry], about: Mapping[str, Any]) -> str:
    return as_svg(
        [
            Drawn(
                name,
                mean_point([e.point for e in some]),
                mean_curve(lines) if len(lines) == len(some) else None,
            )
            for name, some in zip(_names(about), (entries, others), strict=True)
            if some
            for lines in [[e.curve for e in some if e.curve is not None]]
        ]
    )


def _comparison(entries: Sequence[Entry], others: Sequence[Entry], about: Mapping[str, Any]) -> str:
    if not others:
        return ""
    compared = compare([e.score for e in entries], [e.score for e in others])
    first, second = map(escape, _names(about))
    return (
        f"<h2>Compared</h2><p>{first} against {second}, image by image. Difference: first minus second, "
        "with the 95 % interval of the bootstrap over images; p: Wilcoxon's signed-rank test, two-sided; n: "
        f"images in which both have a value.</p>{_table(COMPARED, comparison_rows(compared))}"
    )


def _pictures(entries: Sequence[Entry]) -> str:
    figures = [
        f'<figure><img alt="{escape(e.score.name)}" src="data:image/png;base64,'
        f'{base64.b64encode(e.picture).decode()}"><figcaption>{escape(e.score.name)} &middot; F1 '
        f"{shown('f1', e.score.metrics['f1'])}</figcaption></figure>"
        for e in _sorted(entries)
        if e.picture
    ]
    if not figures:
        return "<p>There are no photographs to draw on.</p>"
    key = "".join(
        f'<span class="key"><i style="background:rgb{colour}"></i>{meaning}</span>'
        for meaning, colour in AGREEMENT.values()
    )
    return f'<p>{key}</p><div class="pictures">{"".join(figures)}</div>'


def _card(model: Checkpoint | None) -> str:
    if model is None:
        return "<p>No model: what was scored was drawn by hand, or made elsewhere.</p>"
    header = asdict(model.header)
    parameters = sum(p.numel() for p in model.network.parameters())
    recipe = header.pop("recipe")
    first = {"name": model.name, "parameters": f"{parameters:,}"}
    return f"{_pairs(first | header)}<details><summary>Recipe</summary>{_pairs(recipe)}</details>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    titles = "".join(f"<th>{escape(text)}</th>" for text in head)
    body = "".join(f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>'


def _pairs(values: Mapping[str, Any]) -> str:
    rows = "".join(f"<dt>{escape(k)}</dt><dd>{escape(_plain(v))}</dd>" for k, v in values.items())
    return f"<dl>{rows}</dl>"


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{k}: {_plain(v)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_plain, value)) or "-"
    if isinstance(value, float):
        return f"{value:.5g}"
    return "-" if value is None or value == "" else str(value)
