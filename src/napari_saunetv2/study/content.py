"""What the tables and pages of a study show."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_saunetv2.files import make_folder, write_beside
from napari_saunetv2.study.layout import Layout
from napari_saunetv2.study.record import Record
from napari_saunetv2.study.verdicts import Review


@dataclass(frozen=True)
class Item:
    """A photograph with what tables say of it, what was done with it, and what a reviewer said of it.

    Attributes
    ----------
    name : str
        Of its results.
    who : mapping of str to str
        Columns that tell whose it is.
    record : Record
    review : Review or None
    outdated : bool
        Whether a mask has changed since the review.
    """

    name: str
    who: Mapping[str, str]
    record: Record
    review: Review | None = None
    outdated: bool = False

    @property
    def done(self) -> bool:
        """Whether its results are there."""
        return bool(self.record.made)

    @property
    def reviewed(self) -> dict[str, str]:
        """What tables say of its review."""
        if self.review is None:
            return {}
        said = {"review": self.review.verdict, "reviewed": self.review.when}
        if self.review.reviewer:
            said["reviewer"] = self.review.reviewer
        if self.outdated:
            said["changed_since_review"] = "yes"
        return said


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
