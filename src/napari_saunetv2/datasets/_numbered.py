"""Files called by a number alone, labels as their photographs: the folder says what a file is."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from napari_saunetv2.datasets._layout import NUMBER, NUMBERED, Identified
from napari_saunetv2.datasets._sample import Split


@dataclass(frozen=True)
class Part:
    """A part of such a data set.

    Attributes
    ----------
    numbers : collection of int
        Numbers of its photographs.
    folder : str
        Subfolder that holds its folders of photographs and labels, in lower case; "" for none.
    split : "train", "test" or None
    """

    numbers: Collection[int]
    folder: str = ""
    split: Split | None = None


def folders_of(parts: Collection[Part]) -> tuple[str, ...]:
    """Subfolders that may hold files of these parts; also those of a part that is opened alone."""
    inside = tuple(f"{part.folder}/{kind}" for part, kind in product(parts, NUMBERED) if part.folder)
    return (*NUMBERED, *inside)


def identifier(
    key: str,
    parts: Collection[Part],
    *,
    same_subject: Mapping[int, int] | None = None,
    copies: Collection[int] = (),
) -> Callable[[Path], Identified | None]:
    """Make the function that identifies the files of a data set.

    Parameters
    ----------
    key : str
        The data set's.
    parts : collection of Part
    same_subject : mapping of int to int, optional
        Photographs that look like another one's subject: their numbers, and those of the other one.
    copies : collection of int
        Photographs that nearly equal another one: their split is "duplicate".
    """
    subjects = same_subject or {}

    def identify(path: Path) -> Identified | None:
        match, role = NUMBER.fullmatch(path.name), NUMBERED.get(path.parent.name.lower())
        if match is None or role is None:
            return None
        number, above = int(match["number"]), path.absolute().parent.parent.name.lower()
        part = next((p for p in parts if number in p.numbers and p.folder in ("", above)), None)
        if part is None:
            return None
        return Identified(
            role=role,
            dataset=key,
            name=str(number),
            subject=str(subjects.get(number, number)),
            eye=None,
            split="duplicate" if number in copies else part.split,
            observer="manual" if role == "labels" else None,
        )

    return identify
