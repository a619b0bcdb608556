"""Write what comes of a study: tables, ``study.json`` and pages."""

import csv
import gzip
import io
import json
import platform
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Any

from napari_saunetv2 import DISCLAIMER, __version__
from napari_saunetv2.files import write_beside
from napari_saunetv2.measure import IMAGE_COLUMNS, SEGMENT_COLUMNS
from napari_saunetv2.measure.meanings import columns_table
from napari_saunetv2.study.columns import FAILURES, SEEN, TABLES, WHO
from napari_saunetv2.study.content import Item, Study, write_if_new
from napari_saunetv2.study.layout import ABOUT, Layout
from napari_saunetv2.study.pages import write_pages

PACKAGES = (
    "numpy",
    "scipy",
    "scikit-image",
    "pillow",
    "pandas",
    "torch",
    "openvino",
    "onnxruntime",
    "pydicom",
)
"""Packages whose versions may change a result."""


def write_results(study: Study) -> None:
    """Write tables, ``study.json`` and pages; raises FileFormatError if one cannot be written."""
    folder = study.layout.folder
    done = [item for item in study.items if item.done]
    layout = study.layout
    _write(folder / "measurements.csv", lambda out: _join(out, layout, done, "measurements", IMAGE_COLUMNS))
    _write(folder / "segments.csv", lambda out: _join(out, layout, done, "segments", SEGMENT_COLUMNS))
    _write_rows(folder / "photographs.csv", (*WHO, *SEEN), map(_row, study.items))
    _write_rows(folder / "failures.csv", tuple(FAILURES), _failures(study))
    meanings = columns_table(tables=TABLES).to_csv(index=False, lineterminator="\n").encode()
    write_if_new(folder / "columns.csv", meanings)
    text = json.dumps(_about(study), indent=1, ensure_ascii=False).encode()
    write_if_new(folder / ABOUT, text)
    write_pages(study)


def _join(out: IO[bytes], layout: Layout, items: list[Item], table: str, columns: Mapping[str, str]) -> None:
    """Join the rows of all photographs, each after the columns that say whose it is."""
    out.write(_line((*WHO, *columns)))
    for item in items:
        who = _line([item.who[key] for key in WHO])[:-1] + b","
        with gzip.open(layout.part(item.name, table)) as rows:
            out.writelines(who + row for row in rows)


def _row(item: Item) -> list[Any]:
    row = item.record.row if item.done else {"status": "failed", "remarks": item.record.error}
    row = row | item.reviewed
    return [*(item.who[key] for key in WHO), *("" if row.get(key) is None else row[key] for key in SEEN)]


def _failures(study: Study) -> list[tuple[str, str, str]]:
    failed = [(item.who["file"], "failed", item.record.error) for item in study.items if not item.done]
    return failed + [(file, "left out", why) for file, why in study.left_out]


def _about(study: Study) -> dict[str, Any]:
    edited = [item for item in study.items if item.done and item.record.edits]
    return {
        "note": DISCLAIMER,
        "versions": {"napari-saunetv2": __version__, "python": platform.python_version(), **_versions()},
        **study.about,
        "edited by hand": [
            {"file": item.who["file"], "mask": kind, "sha256": found, "sha256 as written": written[:1]}
            for item in edited
            for kind, found in item.record.edits.items()
            for written in [item.record.written.get(kind, [])]
        ],
        "failed": sum(not item.done for item in study.items),
        "left out": len(study.left_out),
        "photographs": [{"file": item.who["file"], "sha256": item.record.image} for item in study.items],
    }


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _write(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    write_beside(path, write, overwrite=True)


def _write_rows(path: Path, columns: tuple[str, ...], rows: Iterable[Iterable[Any]]) -> None:
    _write(path, lambda out: out.writelines(map(_line, [columns, *rows])))


def _line(values: Iterable[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(list(values))
    return text.getvalue().encode()
