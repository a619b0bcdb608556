"""Report of an evaluation: one self-contained HTML file."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from napari_saunetv2 import DISCLAIMER
from napari_saunetv2.evaluation.case import Case, ImageScore
from napari_saunetv2.evaluation.comparison import compare
from napari_saunetv2.evaluation.curve import Curve, curve, mean_curve, mean_point, operating_point
from napari_saunetv2.evaluation.page import plain, render
from napari_saunetv2.evaluation.plot import Drawn, as_svg
from napari_saunetv2.evaluation.scores import worst_first
from napari_saunetv2.evaluation.tables import COMPARED, by_kind, comparison_rows, score_rows
from napari_saunetv2.imaging.intensity import to_unit
from napari_saunetv2.imaging.overlay import AGREEMENT, agreement, agreement_picture
from napari_saunetv2.metrics import shown
from napari_saunetv2.models.checkpoint import Checkpoint

PICTURE_SIDE = 700
"""Maximum length in pixels of an image's longer side."""


@dataclass(frozen=True)
class Entry:
    """One image in the report, without its arrays, so that large data sets fit in memory.

    Attributes
    ----------
    score : ImageScore
    picture : bytes
        PNG of right and wrong pixels on the photograph; empty without a photograph.
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
    """Score an image and draw it; raises ImageError if its maps differ in shape."""
    score, vessels = case.score(), case.vessels()
    drawn = io.BytesIO()
    if case.image is not None:
        codes = agreement(case.truth, vessels, case.counted)
        agreement_picture(to_unit(case.image), codes, PICTURE_SIDE).save(drawn, "PNG", optimize=True)
    line = curve(case.truth, case.prediction, case.counted) if case.probable else None
    point = operating_point(case.truth, vessels, case.counted)
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
        Scores of the same images to compare with.

    Returns
    -------
    str
        HTML; every name in it is escaped.
    """
    from markupsafe import Markup  # imported only when a report is written

    worst = sorted(entries, key=lambda e: worst_first(e.score))
    scores = [e.score for e in worst]
    card = _card(model)
    values = {
        "plain": plain,
        "title": title,
        "note": DISCLAIMER,
        "tables": [(["image", *kind.values()], _rows(scores, kind)) for kind in by_kind(scores)],
        "curve": Markup(_curve(entries, others, about)),  # as_svg escapes the names
        "names": _names(about),
        "columns": COMPARED,
        "compared": _compared(entries, others),
        "key": AGREEMENT.values(),
        "pictures": [_picture(e) for e in worst if e.picture],
        "settings": about,
        "recipe": card.pop("recipe", {}),
        "card": card,
    }
    return render("evaluation/report.html", values)


def _rows(scores: Sequence[ImageScore], titles: Mapping[str, str]) -> list[list[str]]:
    *rows, last = score_rows(scores, titles, "mean")
    return [last, *rows]


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


def _compared(entries: Sequence[Entry], others: Sequence[Entry]) -> list[list[str]]:
    return comparison_rows(compare([e.score for e in entries], [e.score for e in others])) if others else []


def _picture(one: Entry) -> tuple[str, str, str]:
    """Name, F1 and the picture in base 64."""
    return one.score.name, shown("f1", one.score.metrics["f1"]), base64.b64encode(one.picture).decode()


def _card(model: Checkpoint | None) -> dict[str, Any]:
    if model is None:
        return {}
    parameters = sum(p.numel() for p in model.network.parameters())
    return {"name": model.name, "parameters": f"{parameters:,}", **asdict(model.header)}
