"""Shared by all data sets: files are recognised by name and folder, and matched by name."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from napari_saunetv2.datasets._sample import Eye, Role, Sample, Split
from napari_saunetv2.errors import LayoutError
from napari_saunetv2.files import picture_size

AT_MOST = 2000
"""Maximum number of names read per folder to recognise a data set, because any folder may be tested."""

NUMBERED: dict[str, Role] = {"images": "image", "image": "image", "labels": "labels", "label": "labels"}
"""Folders of photographs and of labels whose files are called by a number alone."""

NUMBER = re.compile(r"(?P<number>[1-9][0-9]*)\.(?:png|jpe?g|tiff?)", re.IGNORECASE)


def is_number(path: Path) -> bool:
    """Whether a file is a photograph or label called by a number, of whatever data set."""
    return NUMBER.fullmatch(path.name) is not None and path.parent.name.lower() in NUMBERED


@dataclass(frozen=True)
class Identified:
    """What a file is, by its name; fields as in :class:`Sample`."""

    role: Role
    dataset: str
    name: str
    subject: str
    eye: Eye | None
    split: Split | None
    observer: str | None


@dataclass(frozen=True)
class Dataset:
    """A data set that can be read.

    Attributes
    ----------
    key, title : str
        "drive" and "DRIVE".
    citation, terms : str
        What to cite, and the terms of use of the photographs.
    looks_like : str
        Short description of its folders, for messages.
    folders : tuple of str
        Subfolders that may hold its files, in lower case.
    observers : tuple of str
        The reference observer first.
    missing : mapping of Role to str
        Explanation for messages when a photograph has no labels or no field of view.
    identify : callable
        Path -> Identified or None, from the name alone.
    photographs : Dataset or None
        The data set whose photographs and fields of view its labels belong to; they lie in the same folder,
        above it, or beside it in a folder of that data set's name. None if it has its own.
    has_classes : bool
        Whether its labels tell arteries from veins.
    modality : str
        What its pictures are, a key of ``imaging.modality.MODALITIES``.
    size : (int, int) or None
        Width and height of its pictures, by which it is recognised where its file names are mere numbers;
        None where the names are its own.
    """

    key: str
    title: str
    citation: str
    terms: str
    looks_like: str
    folders: tuple[str, ...]
    observers: tuple[str, ...]
    identify: Callable[[Path], Identified | None]
    missing: Mapping[Role, str] = field(default_factory=dict)
    photographs: "Dataset | None" = None
    has_classes: bool = False
    modality: str = "fundus"
    size: tuple[int, int] | None = None

    def read(self, folder: Path) -> list[Sample]:
        """List its samples: training images before test images, then by name.

        Raises
        ------
        LayoutError
            If the folder cannot be opened or holds none of its photographs.
        """
        found: dict[str, dict[tuple[Role, str | None], tuple[Identified, Path]]] = {}
        try:
            for path in self._all_files(folder):
                what = self._identified(path)
                if what is not None:  # if a file is there both packed and unpacked, the first one is used
                    found.setdefault(what.name, {}).setdefault((what.role, what.observer), (what, path))
        except (OSError, ValueError) as error:
            where, why = getattr(error, "filename", None) or folder, getattr(error, "strerror", None) or error
            raise LayoutError(
                f"'{where}' cannot be opened ({why}): give the folder of the data set."
            ) from error
        samples = [self._sample(folder, parts) for parts in found.values() if ("image", None) in parts]
        if self.photographs is not None:  # the others are samples of that data set
            samples = [sample for sample in samples if sample.label_paths]
        if self.photographs is not None and found and not samples:
            theirs = self.photographs
            raise LayoutError(
                f"'{folder}' holds labels of {self.title} without photographs: put those of {theirs.title} "
                f"({theirs.looks_like}) into it, or into a folder '{theirs.title}' beside it."
            )
        if not samples:
            raise LayoutError(
                f"'{folder}' holds no {self.title} photographs: give the folder that holds {self.looks_like}."
            )
        return sorted(
            samples, key=lambda s: (s.split == "test", len(s.name) if s.name.isdecimal() else 0, s.name)
        )

    def roles(self, folder: Path, at_most: int) -> set[Role]:
        """What of it is among the first names of a folder, "image" and "labels"; never raises.

        Numbers are no proof: of a data set whose names are numbers, both must be there, of its size, and no
        picture of another number beside them.
        """
        found: set[Role] = set()
        try:
            for path in self.files(folder, at_most):
                what = self._identified(path)
                if what is None and self.size is not None and is_number(path):
                    return set()
                if what is not None and what.role != "fov" and what.role not in found:
                    if not self.has_size(path):
                        return set()
                    found.add(what.role)
                if len(found) == 2:
                    break
        except (OSError, ValueError):
            pass
        return found if self.size is None or len(found) == 2 else set()

    def has_size(self, path: Path) -> bool:
        """Whether a picture has the size by which the data set is recognised, if it has one."""
        return self.size is None or picture_size(path) == self.size

    def _identified(self, path: Path) -> Identified | None:
        """Identify a file of its own, or a photograph or field of view that its labels belong to."""
        what = self.identify(path)
        if what is not None or self.photographs is None:
            return what
        theirs = self.photographs.identify(path)
        return theirs if theirs is not None and theirs.role != "labels" else None

    def beside(self, folder: Path) -> Path | None:
        """Folder of the photographs that its labels in a folder belong to; None if there is none."""
        if self.photographs is None:
            return None
        above = folder.resolve().parent
        places = (above, above / self.photographs.title, above.parent / self.photographs.title)
        return next((p for p in places if "image" in self.photographs.roles(p, AT_MOST)), None)

    def _all_files(self, folder: Path) -> Iterator[Path]:
        """Its own files, then those of the photographs that its labels belong to, wherever these lie."""
        yield from self.files(folder, None)
        if self.photographs is None or "image" in self.roles(folder, AT_MOST):
            return
        beside = self.beside(folder)
        if beside is not None:
            yield from self.photographs.files(beside, None)

    def _sample(
        self, folder: Path, parts: Mapping[tuple[Role, str | None], tuple[Identified, Path]]
    ) -> Sample:
        what, image = parts["image", None]
        fov = parts.get(("fov", None))
        return Sample(
            dataset=self.key,
            name=what.name,
            subject=what.subject,
            eye=what.eye,
            split=what.split,
            image_path=image,
            label_paths={o: parts["labels", o][1] for o in self.observers if ("labels", o) in parts},
            fov_path=None if fov is None else fov[1],
            reference=self.observers[0],
            folder=folder,
            missing=self.missing,
            has_classes=self.has_classes,
            modality=self.modality,
        )

    def files(self, folder: Path, at_most: int | None) -> Iterator[Path]:
        """Files in a folder and its known subfolders, nearest first; at_most per folder."""
        waiting = [(folder, "")]
        for here, place in waiting:  # grows as known folders are met
            with os.scandir(here) as entries:
                near = sorted(islice(entries, at_most), key=lambda entry: entry.name)
            for entry in near:
                below = f"{place}{entry.name.lower()}"
                if any(known == below or known.startswith(f"{below}/") for known in self.folders):
                    if entry.is_dir():
                        waiting.append((Path(entry.path), f"{below}/"))
                else:
                    yield Path(entry.path)
