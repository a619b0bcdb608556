"""What a study's folder says of earlier runs."""

import json
from typing import Any

from napari_saunetv2.errors import OverwriteError
from napari_saunetv2.files import make_folder, write_beside
from napari_saunetv2.study.layout import ABOUT, REPORT, TABLES, WORKBOOK, Layout
from napari_saunetv2.study.record import Record, read_record

FOLDERS = ("masks", "overlays", "pages", "parts", "exports", "reviews")


def refuse_other(layout: Layout) -> None:
    """Refuse a folder that holds files of these names and is no study; raises OverwriteError."""
    if layout.state.exists():
        return
    for name in (*TABLES, ABOUT, REPORT, WORKBOOK, *FOLDERS):
        if (layout.folder / name).exists():
            raise OverwriteError(
                f"'{layout.folder / name}' exists, and the folder holds no study: choose another folder."
            )


def prepare(layout: Layout) -> None:
    """Make a folder one of a study before its first run, so that masks can be drawn for it.

    Raises
    ------
    OverwriteError
        If it holds something else.
    FileFormatError
        If it cannot be written to.
    """
    refuse_other(layout)
    if not layout.state.exists():
        write_state(layout, {})


def read_state(layout: Layout) -> dict[str, Any]:
    """Read what earlier runs noted; empty where there was none."""
    try:
        found = json.loads(layout.state.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_state(layout: Layout, state: dict[str, Any]) -> None:
    """Note something for later runs; raises FileFormatError."""
    make_folder(layout.state.parent)
    text = json.dumps(state, indent=1).encode()
    write_beside(layout.state, lambda out: out.write(text), overwrite=True)


def read_records(layout: Layout) -> dict[str, Record]:
    """Read what was done with each photograph, by the name of its results."""
    parts = layout.state.parent
    found = {
        path.relative_to(parts).as_posix().removesuffix(".json"): read_record(path)
        for path in sorted(parts.rglob("*.json"))
        if path != layout.state
    }
    return {name: record for name, record in found.items() if record is not None}
