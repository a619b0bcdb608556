"""Which file each row of a sheet means."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from napari_saunetv2.cohort.sheet import Sheet
from napari_saunetv2.datasets.partners import folded, stem


@dataclass(frozen=True)
class Found:
    """A row and its file.

    Attributes
    ----------
    number : int
        Of the row, as a spreadsheet counts.
    texts : mapping of str to str
        Its cells.
    path : Path
    name : str
        Of the file relative to the study's folder; what the row says where there is no such file.
    left_out : str
        Why the row is not used, or "".
    """

    number: int
    texts: Mapping[str, str]
    path: Path
    name: str
    left_out: str = ""


def found_rows(sheet: Sheet, files: Mapping[str, Path], folder: Path, beside: Path) -> list[Found]:
    """Find the file of each row.

    A row names a file by its path from the study's folder or from the sheet's, by an absolute path, or by its
    name alone, with or without suffix, if only one file has it; upper and lower case count only if they must.

    Parameters
    ----------
    sheet : Sheet
    files : mapping of str to Path
        The files of the study's folder by their names relative to it.
    folder : Path
    beside : Path
        Folder of the sheet.

    Returns
    -------
    list of Found
        In the order of the rows; of rows that say the same of a file, the first is used.
    """
    index = _Index(files, folder, beside)
    rows: list[Found] = []
    said: dict[str, list[int]] = {}
    for number, texts in sheet.rows:
        wanted = texts["file"].replace("\\", "/")
        names = index.find(wanted)
        if not wanted:
            rows.append(_unused(number, texts, folder, "", "it names no file: write its name"))
        elif not names:
            rows.append(
                _unused(
                    number,
                    texts,
                    folder,
                    wanted,
                    f"there is no file '{wanted}' in the folder: check its name",
                )
            )
        elif len(names) > 1:
            several = ", ".join(f"'{name}'" for name in names[:3])
            words = f"'{wanted}' may be {several}: write the folder before the name"
            rows.append(_unused(number, texts, folder, wanted, words))
        else:
            said.setdefault(names[0], []).append(len(rows))
            rows.append(Found(number, texts, files[names[0]], names[0]))
    for name, places in said.items():
        first = rows[places[0]]
        told = [{key: text for key, text in rows[at].texts.items() if key != "file"} for at in places]
        agree = all(one == told[0] for one in told)
        for at in places[1:] if agree else places:
            numbers = ", ".join(str(rows[one].number) for one in places)
            words = (
                f"it says what row {first.number} says: remove it"
                if agree
                else f"rows {numbers} say different things of one file: keep one"
            )
            rows[at] = _unused(rows[at].number, rows[at].texts, folder, name, words)
    return rows


def _unused(number: int, texts: Mapping[str, str], folder: Path, name: str, why: str) -> Found:
    return Found(number, texts, folder / name, name, f"row {number} of the sheet: {why}")


class _Index:
    """Files by all that a row may call them."""

    def __init__(self, files: Mapping[str, Path], folder: Path, beside: Path) -> None:
        self._files = files
        self._places = (folder.resolve(), beside.resolve())
        self._ways: list[dict[str, list[str]]] = [{} for _ in range(4)]
        for name in files:
            path = PurePosixPath(name)
            bare = (path.parent / stem(path)).as_posix()
            keys = (folded(name), folded(bare), folded(path.name), folded(stem(path)))
            for way, key in zip(self._ways, keys, strict=True):
                way.setdefault(key, []).append(name)

    def find(self, wanted: str) -> list[str]:
        """Names of the files that a row may mean, by the first way that finds any."""
        if wanted in self._files:
            return [wanted]
        inside, beside = self._places
        for place in (inside, beside):
            try:
                name = (place / wanted).resolve().relative_to(inside).as_posix()
            except (OSError, ValueError):
                continue
            if name in self._files:
                return [name]
        key = folded(wanted.strip("/"))
        return next((way[key] for way in self._ways if key in way), [])
