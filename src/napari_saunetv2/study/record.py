"""What was done with a photograph: one small file each, written when it is done."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from napari_saunetv2.files import write_beside
from napari_saunetv2.study.layout import KINDS, Layout


@dataclass(frozen=True)
class Record:
    """What was done with a photograph.

    Attributes
    ----------
    file : str
        The photograph, as tables name it.
    made : str
        Fingerprint of all that its results depend on; "" while they are not complete.
    image : str
        SHA-256 of the photograph's file.
    stamp : str
        Size and times of that file, by which a change is noticed without reading it; "" if not known.
    written : dict of str to list of str
        SHA-256 of what this program wrote, or was about to write, as the mask of each kind: any other file
        was edited by hand.
    edits : dict of str to str
        SHA-256 of the edited masks that were measured.
    row : dict of str
        Its row in the table of photographs.
    numbers : dict of str to (float, str)
        Values for the report's distributions, with their units.
    shown : list of (str, str, str, str)
        Measures for its page: title with unit, and values of all vessels, arteries and veins.
    error : str
        Why it failed, or "".
    """

    file: str
    made: str = ""
    image: str = ""
    stamp: str = ""
    written: dict[str, list[str]] = field(default_factory=dict)
    edits: dict[str, str] = field(default_factory=dict)
    row: dict[str, Any] = field(default_factory=dict)
    numbers: dict[str, tuple[float, str]] = field(default_factory=dict)
    shown: list[tuple[str, str, str, str]] = field(default_factory=list)
    error: str = ""


def read_record(path: Path) -> Record | None:
    """Read a record; None where there is none that can be used."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Record(**{one.name: found[one.name] for one in fields(Record)})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_record(path: Path, record: Record) -> None:
    """Write a record, whole or not at all."""
    text = json.dumps(asdict(record), indent=1, allow_nan=False).encode()
    write_beside(path, lambda out: out.write(text), overwrite=True)


def digest(path: Path) -> str:
    """SHA-256 of a file; "" where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def fingerprint(values: Mapping[str, Any]) -> str:
    """SHA-256 of settings and hashes, in whatever order they come."""
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def masks(layout: Layout, name: str) -> dict[str, str]:
    """SHA-256 of each mask that is there, by kind."""
    there = {kind: digest(layout.mask(name, kind)) for kind in KINDS}
    return {kind: found for kind, found in there.items() if found}


def edits(layout: Layout, name: str, record: Record | None) -> dict[str, str]:
    """SHA-256 of each mask that was edited by hand: its file is not what this program wrote."""
    written = {} if record is None else record.written
    there = masks(layout, name)
    return {kind: found for kind, found in there.items() if found not in written.get(kind, ())}
