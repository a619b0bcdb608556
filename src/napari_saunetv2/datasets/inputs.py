"""Which files of a folder are photographs to segment, and which are left out and why."""

import glob
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from napari_saunetv2.datasets.partners import ROLES, is_mask, numbered, stem
from napari_saunetv2.datasets.partners import bare as bare_name
from napari_saunetv2.errors import SaunetError, SettingsError
from napari_saunetv2.files import dicom, is_own_mask, load_values, readable
from napari_saunetv2.imaging.classes import VEIN
from napari_saunetv2.imaging.overlay import CLASS_COLOURS, COLOUR, OUTLINE_SHARE

RESULTS = ("vessels", "av", "probability", "overlay", "segments")
"""What ``saunetv2 segment`` and ``measure`` put behind the name of a photograph."""

_NO_VESSELS = re.compile(r"[-_ .](fov|fields?|probability|overlay|segments)\d*$", re.IGNORECASE)

TEXT = {".txt", ".csv", ".tsv", ".json", ".xml", ".md", ".html", ".log", ".yaml", ".yml", ".ini", ".toml"}

_OUTLINES = (COLOUR, CLASS_COLOURS[VEIN])  # no retina has them; the red of arteries it may have
_OUTLINE_PIXELS = 10  # so many pixels of such a colour identify an overlay


@dataclass
class Inputs:
    """Photographs, and what was left out.

    Attributes
    ----------
    files : dict of Path to PurePath
        Each photograph, with its subfolder relative to the given folder ("." for none).
    left_out : Counter of str
        Number of files left out, by reason.
    unread : set of str
        Suffixes of the formats that are not read.
    masks : bool
        Whether a mask of vessels without a photograph is taken for one.
    reasons : dict of Path to str
        Each file left out, and why.
    """

    files: dict[Path, PurePath] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    unread: set[str] = field(default_factory=set)
    masks: bool = False
    reasons: dict[Path, str] = field(default_factory=dict)

    def left_out_in_words(self) -> str:
        """Describe what was left out: "3 masks, 2 text files, 1 of an unsupported format: .heic", or ""."""
        words = [
            f"{count} {_plural(what, count)}" for what, count in self.left_out.items() if what != _UNREAD
        ]
        if self.left_out[_UNREAD]:
            formats = ", ".join(sorted(self.unread))
            words.append(f"{self.left_out[_UNREAD]} of an unsupported format: {formats}")
        return ", ".join(words)


_RESULT, _MASK, _TEXT, _HIDDEN, _OTHER, _FOLDER, _UNREAD = (
    "result of an earlier run", "mask", "text file", "hidden file", "file without a photograph (DICOM)",
    "subfolder (use --recursive to include it)", "of an unsupported format",
)  # fmt: skip


def gather(
    inputs: Sequence[str], *, recursive: bool = False, output: Path | None = None, masks: bool = False
) -> Inputs:
    """Find the photographs in files, folders and patterns, each once.

    A file given by name is always included, even if it does not exist: it then fails alone and the others
    continue. From folders and patterns only photographs are included: masks and results of an earlier run are
    left out, by name and content.

    Parameters
    ----------
    inputs : sequence of str
    recursive : bool
        Whether subfolders are searched too.
    output : Path, optional
        Results folder, which is not searched.
    masks : bool
        Whether masks of vessels are wanted too: of a folder those whose photograph does not lie beside them.

    Raises
    ------
    SettingsError
        If there is no photograph.
    """
    found = Inputs(masks=masks)
    for entry in inputs:
        path = Path(entry)
        if path.suffix.lower() == ".zarr" and path.is_dir():
            raise SettingsError(f"'{path}' is a zarr: segment it alone, into a file ending in .zarr or .tif.")
        if path.is_dir():
            _add_folder(found, path, recursive, output)
        elif path.exists() or not glob.has_magic(entry):
            found.files.setdefault(path, PurePath())
        else:
            # Not Path.glob: a pattern may be absolute, and a shell on Windows leaves it as it is.
            matches = map(Path, sorted(glob.glob(entry, recursive=True)))  # noqa: PTH207
            _sort_out(found, [p for p in matches if p.is_file()], PurePath())
    if not found.files:
        left = found.left_out_in_words()
        raise SettingsError(
            f"No image was found in {', '.join(inputs)}{f' ({left} left out)' if left else ''}: give "
            "images, folders or patterns."
        )
    return found


def _add_folder(found: Inputs, top: Path, recursive: bool, output: Path | None) -> None:
    for folder in [top, *(_below(top, output) if recursive else ())]:
        entries = sorted(folder.iterdir())
        if not recursive:
            found.left_out[_FOLDER] += sum(p.is_dir() and not p.name.startswith(".") for p in entries)
        _sort_out(found, [p for p in entries if p.is_file()], PurePath(folder.relative_to(top)))
    found.left_out = +found.left_out


def _below(top: Path, output: Path | None) -> Iterator[Path]:
    for folder in sorted(p for p in top.iterdir() if p.is_dir()):
        ours = output is not None and output.exists() and folder.samefile(output)
        if not (ours or folder.name.startswith(".") or folder.is_symlink() or folder.suffix == ".zarr"):
            yield folder
            yield from _below(folder, output)


def _sort_out(found: Inputs, files: Sequence[Path], below: PurePath) -> None:
    stems = Counter(stem(path).lower() for path in files if readable(path))
    reasons = {path: _why_not(path, stems) for path in files if path not in found.files}
    photographs = {bare_name(stem(path)) for path, why in reasons.items() if why is None}
    for path, why in reasons.items():
        wanted = (
            found.masks and why in (_MASK, _RESULT) and not _NO_VESSELS.search(stem(path)) and is_mask(path)
        )
        if why is None or (wanted and bare_name(stem(path)) not in photographs):
            found.files[path] = below
            continue
        found.left_out[why] += 1
        found.reasons[path] = why
        if why == _UNREAD:
            found.unread.add(path.suffix.lower() or "without a suffix")


def _why_not(path: Path, stems: Counter[str]) -> str | None:
    """Reason why a file of a folder is not a photograph; None if it is one."""
    if path.name.startswith("."):
        return _HIDDEN
    if not readable(path):
        return _TEXT if path.suffix.lower() in TEXT else _UNREAD
    if dicom.begins_as_dicom(path) and (kind := dicom.content(path)) != "photograph":
        return _MASK if kind == "mask" else _OTHER
    name = stem(path).lower()
    bare = ROLES.sub("", name)
    if bare == name and stems[name] == 1:
        return None  # the name does not suggest that it belongs to another file, so it need not be opened
    ending = next((what for what in RESULTS if name.endswith(f"_{what}")), None)
    if ending is None or (ending == "av" and not is_own_mask(path)):  # data sets have such names too
        return _MASK if is_mask(path) else None
    return _RESULT if _IS_RESULT[ending](path, name.removesuffix(f"_{ending}"), stems) else None


def _is_map(path: Path, *_: Any) -> bool:
    try:
        pixels = load_values(path).pixels
    except SaunetError:
        return False  # it stays in the list, so that its failure is reported
    return pixels.ndim == 2 and pixels.dtype.kind == "f"


def _is_overlay(path: Path, bare: str, stems: Counter[str]) -> bool:
    """Whether vessel outlines are drawn on it, or all results of its photograph are next to it."""
    try:
        pixels = load_values(path).pixels
    except SaunetError:
        return False
    if pixels.ndim == 3 and pixels.dtype == np.uint8:
        for colour in _OUTLINES:
            lowest = OUTLINE_SHARE * np.array(colour) - 1
            highest = lowest + 255 * (1 - OUTLINE_SHARE) + 2
            drawn = ((pixels[..., :3] >= lowest) & (pixels[..., :3] <= highest)).all(axis=2)
            if np.count_nonzero(drawn) >= _OUTLINE_PIXELS:
                return True
    return bool(stems[bare] and stems[f"{bare}_vessels"])


_IS_RESULT: dict[str, Callable[[Path, str, Counter[str]], bool]] = {
    "vessels": lambda path, *_: is_mask(path),
    "av": lambda path, *_: is_mask(path),
    "probability": _is_map,
    "overlay": _is_overlay,
    "segments": lambda path, *_: is_mask(path),
}


def result_names(files: dict[Path, PurePath]) -> dict[Path, str]:
    """Name each photograph's results: its subfolder and stem, with a number if two would be equal.

    Names that differ only in case count as equal, as they are on some systems.
    """
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for file, below in files.items():
        names[file] = name = numbered((below / stem(file)).as_posix(), lambda one: one.lower() in taken)
        taken.add(name.lower())
    return names


def _plural(what: str, count: int) -> str:
    if count == 1:
        return what
    first, _, rest = what.partition(" ")
    if first in ("text", "hidden"):
        return f"{what}s"
    return f"{first}s{' ' * bool(rest)}{rest}"


def sort_out(files: Sequence[Path]) -> Inputs:
    """Separate photographs from other files, as :func:`gather` does for the files of a folder."""
    found = Inputs()
    _sort_out(found, files, PurePath())
    return found
