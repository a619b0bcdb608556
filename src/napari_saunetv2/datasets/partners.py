"""Which files belong together: by name, and by content if two have the same name."""

import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from itertools import chain, count
from pathlib import Path, PurePath

from napari_saunetv2.errors import LayoutError, SaunetError
from napari_saunetv2.files import is_photograph, load_image
from napari_saunetv2.imaging.kinds import is_nearly_black_and_white

ROLES = re.compile(
    r"[-_ .](vessels?|labels?|masks?|av_?manual|manual|annotations?|ground_?truth|gt|fov|fields?|ah|vk|av|seg"
    r"|segments|segmentation|probability|prob|overlay|edited|\d(st|nd)ho)\d*$",
    re.IGNORECASE,
)
"""Name endings that say what a file is, not which image it belongs to."""

_SPLITS = re.compile(r"[-_ .](test|train|training|val|validation|img|image|photo|fundus|orig|original)$")
_FIRST = re.compile(r"^(.*?\d+[a-z]?)(?=[^a-z0-9]|$)")
_SIDES = ({"l", "left", "os"}, {"r", "right", "od"})

_LOG = logging.getLogger(__name__)


def stem(path: PurePath) -> str:
    """File name without its suffix, such as ``.tif.gz`` or ``.ome.tif``; a number is no suffix."""
    name = path.name.removesuffix(".gz")
    start, _, suffix = name.rpartition(".")
    return start.removesuffix(".ome") if start and not suffix.isdigit() else name


def folded(name: str) -> str:
    """Normalise a name to one Unicode form and lower case, so that it is equal on all systems."""
    return unicodedata.normalize("NFC", name).casefold()


def bare(name: str) -> str:
    """Return a normalised name without endings such as "_vessels", "_mask", "_test" or "_training"."""
    name = folded(name)
    while (shorter := _SPLITS.sub("", ROLES.sub("", name))) not in (name, ""):
        name = shorter
    return name


def first_part(name: str) -> str:
    """Return the normalised name up to its first number: "01", "im0001", "image_01l"; or ""."""
    found = _FIRST.match(folded(name))
    return found[1] if found else ""


_WAYS: tuple[Callable[[str], str], ...] = (
    lambda name: name,
    folded,
    lambda name: ROLES.sub("", folded(name)),
    bare,
)


def belonging(owners: Sequence[str], files: Sequence[Path]) -> list[Path | None]:
    """Find the mask for each name.

    Names are matched exactly first, then ignoring case and Unicode form, then without endings, and last by
    their first part if it is unique on both sides; the log then says so.

    Parameters
    ----------
    owners : sequence of str
        Stems of photographs or predictions.
    files : sequence of Path
        Masks; a photograph with the same name as a mask is ignored.

    Raises
    ------
    LayoutError
        If several masks match one name.
    """
    found: list[Path | None] = [None] * len(owners)
    taken: set[Path] = set()
    files = _without_photographs(files)
    for way in _WAYS:
        named: dict[str, list[Path]] = {}
        for path in files:
            if path not in taken:
                named.setdefault(way(stem(path)), []).append(path)
        for number, owner in enumerate(owners):
            if found[number] is None and (mine := named.get(way(owner))):
                found[number] = _only(mine, owner)
                taken.update(mine)
    _by_first_part(owners, files, found, taken)
    return found


def _without_photographs(files: Sequence[Path]) -> list[Path]:
    """Drop photographs where a mask has the same bare name; other files are not opened."""
    alike: dict[str, list[Path]] = {}
    for path in files:
        alike.setdefault(bare(stem(path)), []).append(path)
    kept = []
    for group in alike.values():
        masks = [path for path in group if is_mask(path)] if len(group) > 1 else []
        kept += masks or group
    return sorted(kept)


def _only(files: Sequence[Path], owner: str) -> Path:
    if len(files) > 1:
        names = ", ".join(f"'{path.name}'" for path in files)
        raise LayoutError(
            f"Several files in '{files[0].parent}' match '{owner}': {names}. Keep only one of them."
        )
    return files[0]


def is_mask(path: Path) -> bool:
    """Whether a file holds a mask rather than a photograph; False if it cannot be read."""
    try:
        return not is_photograph(path) or is_nearly_black_and_white(load_image(path).pixels)
    except SaunetError:
        return False


def nearest(owner: str, files: Sequence[Path]) -> str:
    """Name the closest match: "; the nearest name is 'eye2.png'", or ""."""
    names = {bare(stem(path)): path.name for path in files}
    close = get_close_matches(bare(owner), names, n=1)
    return f"; the nearest name is '{names[close[0]]}'" if close else ""


def _by_first_part(
    owners: Sequence[str], files: Sequence[Path], found: list[Path | None], taken: set[Path]
) -> None:
    owned = Counter(map(first_part, owners))
    named = Counter(first_part(stem(path)) for path in files)
    free = {first_part(stem(path)): path for path in files if path not in taken}
    for number, owner in enumerate(owners):
        part = first_part(owner)
        if found[number] is not None or not part or part not in free or (owned[part], named[part]) != (1, 1):
            continue
        if _side(owner) == _side(stem(free[part])):
            found[number] = free[part]
            _LOG.warning(
                "'%s' was matched to '%s' only by the first part of its name.", free[part].name, owner
            )


def _side(name: str) -> int | None:
    words = set(re.split(r"[^a-z]+", folded(name)))
    return next((number for number, side in enumerate(_SIDES) if words & side), None)


def numbered(name: str, taken: Callable[[str], bool], mark: str = "_") -> str:
    """Return a name, or if it is taken the first free one of name_2, name_3, ..."""
    names = chain([name], (f"{name}{mark}{number}" for number in count(2)))
    return next(one for one in names if not taken(one))
