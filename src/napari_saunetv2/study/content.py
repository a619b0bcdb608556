"""What the tables and pages of a study show."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_saunetv2.files import make_folder, write_beside
from napari_saunetv2.study.layout import Layout
from napari_saunetv2.study.record import Record


@dataclass(frozen=True)
class Item:
    """A photograph with what tables say of it and what was done with it."""

    name: str
    who: Mapping[str, str]
    record: Record
    review: Mapping[str, str] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        """Whether its results are there."""
        return bool(self.record.made)


@dataclass(frozen=True)
class Study:
    """All that a study's tables and pages show.

    Attributes
    ----------
    layout : Layout
    items : list of Item
        In the order of the tables.
    left_out : list of (str, str)
        Files that are not part of it, and why.
    about : mapping of str
        Settings.
    """

    layout: Layout
    items: list[Item]
    left_out: list[tuple[str, str]]
    about: Mapping[str, Any]


def write_if_new(path: Path, data: bytes) -> None:
    """Write a file unless it is there and the same."""
    try:
        if path.stat().st_size == len(data) and path.read_bytes() == data:
            return
    except OSError:
        make_folder(path.parent)
    write_beside(path, lambda out: out.write(data), overwrite=True)
