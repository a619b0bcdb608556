"""The report of a study, worst photographs first, and a page for each photograph."""

import base64
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from napari_saunetv2 import DISCLAIMER
from napari_saunetv2.evaluation.page import plain, render
from napari_saunetv2.study.content import Item, Study, write_if_new
from napari_saunetv2.study.layout import TABLES, Layout
from napari_saunetv2.study.numbers import HEADLINES
from napari_saunetv2.study.plots import histogram
from napari_saunetv2.study.verdicts import VERDICTS

ON_A_PAGE = 200
"""Photographs with their thumbnails on a page of the report."""

MOST_FAILURES = 200
"""Failures and files left out that the report lists; ``failures.csv`` lists all."""

LOW = 0.5
"""Quality below which a photograph is counted as one to look at: half of the field can be read badly."""


def write_pages(study: Study) -> None:
    """Write the report and all pages; pages of photographs that are not done are removed."""
    layout = study.layout
    worst = sorted(study.items, key=_worst_first)
    for item in worst:
        if item.done:
            write_if_new(layout.page(item.name), _page(layout, item).encode())
        else:
            layout.page(item.name).unlink(missing_ok=True)
    parts = [worst[n : n + ON_A_PAGE] for n in range(0, len(worst), ON_A_PAGE)] or [[]]
    for number, part in enumerate(parts, start=1):
        write_if_new(layout.report(number), _report(study, part, number, len(parts)).encode())
    number = len(parts) + 1
    while layout.report(number).exists():  # of a larger study before
        layout.report(number).unlink()
        number += 1


def _worst_first(item: Item) -> tuple[int, float, str]:
    return int(item.done), item.record.row.get("quality") or 0.0, item.who["file"]


def _report(study: Study, part: Sequence[Item], number: int, pages: int) -> str:
    items = study.items
    done = [item for item in items if item.done]
    failures = [(i.who["file"], "failed", i.record.error) for i in items if not i.done]
    failures += [(file, "left out", why) for file, why in study.left_out]
    report = study.layout.report(number)
    return render(
        "study/report.html",
        {
            "title": "Study",
            "note": DISCLAIMER,
            "first": number == 1,
            "number": number,
            "pages": [(n, study.layout.report(n).name) for n in range(1, pages + 1)] if pages > 1 else [],
            "counts": _counts(study),
            "plots": _plots(done) if number == 1 else [],
            "unlike": len(done) - len(_alike(done)),
            "heads": ("", "n", "lowest", "quarter", "median", "three quarters", "highest"),
            "statistics": _statistics(_alike(done)) if number == 1 else [],
            "failures": failures[:MOST_FAILURES],
            "unlisted": max(0, len(failures) - MOST_FAILURES),
            "photographs": [_thumbnail(study.layout, item, report) for item in part],
            "tables": TABLES,
            "about": study.about,
            "plain": plain,
        },
    )


def _counts(study: Study) -> dict[str, int]:
    done = [item for item in study.items if item.done]
    return {
        "photographs": len(study.items),
        "patients": len({item.who["patient"] for item in study.items} - {""}),
        "right eyes": sum(item.who["eye"] == "right" for item in study.items),
        "left eyes": sum(item.who["eye"] == "left" for item in study.items),
        "measured": len(done),
        "failed": len(study.items) - len(done),
        "left out": len(study.left_out),
        "no fundus photograph": sum(item.record.row["fundus"] == "no" for item in done),
        f"quality below {LOW}": sum(item.record.row["quality"] < LOW for item in done),
        "edited by hand": sum(bool(item.record.edits) for item in done),
        **{verdict: sum(_said(item) == verdict for item in study.items) for verdict in VERDICTS},
        "changed since review": sum(item.outdated for item in study.items),
    }


def _said(item: Item) -> str:
    """What a reviewer said of the masks that are there now."""
    return "" if item.review is None or item.outdated else item.review.verdict


def _alike(items: Sequence[Item]) -> list[Item]:
    """Those that are fundus photographs, as far as can be seen: only they are compared."""
    return [item for item in items if item.record.row["fundus"] == "yes"]


def _values(items: Sequence[Item]) -> dict[str, list[float]]:
    """Values of each headline, by its title with its unit."""
    found: dict[str, list[float]] = {}
    for headline in HEADLINES:
        for item in items:
            if (number := item.record.numbers.get(headline.title)) is not None:
                value, unit = number
                found.setdefault(headline.title + (f", {unit}" if unit else ""), []).append(value)
    return found


def _plots(items: Sequence[Item]) -> list[Any]:
    from markupsafe import Markup

    if not items:
        return []
    qualities = [item.record.row["quality"] for item in items]
    drawn = [histogram(qualities, "quality", (0.0, 1.0))]
    drawn += [histogram(values, title) for title, values in _values(_alike(items)).items()]
    return [Markup(one) for one in drawn]  # histogram escapes its title


def _statistics(items: Sequence[Item]) -> list[list[str]]:
    """Rows of quartiles: of all, and of right and left eyes where they are known."""
    groups = {"": list(items)}
    groups |= {f", {eye} eyes": [i for i in items if i.who["eye"] == eye] for eye in ("right", "left")}
    rows = []
    for title in _values(items):
        for name, some in groups.items():
            if values := _values(some).get(title):
                quartiles = np.quantile(values, (0, 0.25, 0.5, 0.75, 1))
                rows.append([title + name, str(len(values)), *(f"{value:.4g}" for value in quartiles)])
    return rows


def _thumbnail(layout: Layout, item: Item, report: Path) -> dict[str, Any]:
    row = item.record.row
    who = item.who
    return {
        "file": who["file"],
        "who": ", ".join(filter(None, (who["patient"], who["eye"], who["date"] or who["visit"]))),
        "picture": _inlined(layout.picture(item.name, "thumbnail")) if item.done else "",
        "page": _link(layout.page(item.name), report) if item.done else "",
        "quality": f"{row['quality']:.2f}" if item.done else "",
        "note": row["quality_note"] if item.done else item.record.error,
        "remarks": row["remarks"] if item.done else "",
        "edited": item.done and bool(item.record.edits),
        "review": _said(item) or ("changed since review" if item.outdated else ""),
    }


def _page(layout: Layout, item: Item) -> str:
    page = layout.page(item.name)
    row = {
        key: value for key, value in item.record.row.items() if value not in (None, "") and key != "remarks"
    }
    who = {key: value for key, value in item.who.items() if value}
    return render(
        "study/page.html",
        {
            "title": item.who["file"],
            "note": DISCLAIMER,
            "picture": _inlined(layout.picture(item.name, "page")),
            "artery_vein": "av" in {*item.record.written, *item.record.edits},
            "report": _link(layout.report(1), page),
            "overlay": _link(layout.overlay(item.name), page),
            "mask": _link(layout.mask(item.name, "vessels"), page),
            "facts": who | row | item.reviewed,
            "remarks": item.record.row["remarks"],
            "measures": item.record.shown,
            "plain": plain,
        },
    )


def _inlined(picture: Path) -> str:
    """JPEG in base 64."""
    return base64.b64encode(picture.read_bytes()).decode()


def _link(target: Path, page: Path) -> str:
    """Address of a file from a page, whatever its name holds."""
    return quote(Path(os.path.relpath(target, page.parent)).as_posix())
