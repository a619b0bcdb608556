"""Match labels to images by name and shape."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

_ROLES = re.compile(
    r"[\W_]*(vessels?|labels?|masks?|manual|annotations?|edited|exact|fov|\d(st|nd)ho|ah|vk)\b", re.I
)


class Named(NamedTuple):
    """Name of a layer or file, and the shape of its labels or of matching labels."""

    name: str
    shape: tuple[int, ...]


def match(images: Sequence[Named], others: Sequence[Named]) -> list[int | None]:
    """For each image, the index of its match among the others: the same shape and the nearest name.

    Names count without words such as "vessels" or "mask". A match of several images goes to the one with the
    nearest name. A candidate of the right shape with an unrelated name is used only if there is one candidate
    and one image.
    """
    found = [_best(image, others, only_image=len(images) == 1) for image in images]
    taken = [(number, _likeness(image.name, others[number].name)) for image, number in _pairs(images, found)]
    nearest = {number: max(near for other, near in taken if other == number) for number, _ in taken}
    return [
        number if number is None or _likeness(image.name, others[number].name) == nearest[number] else None
        for image, number in zip(images, found, strict=True)
    ]


def _pairs(images: Sequence[Named], found: Sequence[int | None]) -> list[tuple[Named, int]]:
    return [(image, number) for image, number in zip(images, found, strict=True) if number is not None]


def _best(image: Named, others: Sequence[Named], *, only_image: bool) -> int | None:
    fitting = [number for number, other in enumerate(others) if other.shape == image.shape]
    if not fitting:
        return None
    likeness = {number: _likeness(image.name, others[number].name) for number in fitting}
    # Of equally near ones the last, which was added last.
    best = max(fitting, key=lambda number: (likeness[number], number))
    return best if likeness[best] >= 0.75 or (only_image and len(fitting) == 1) else None


def _likeness(image: str, other: str) -> float:
    a, b = _bare(image), _bare(other)
    if not a or not b:
        return 0.0
    if a == b:
        return 2.0
    if re.findall(r"\d+", a) != re.findall(r"\d+", b):
        return 0.0  # eye1 and eye2 are very similar names, but different eyes
    return SequenceMatcher(None, a, b).ratio()


def _bare(name: str) -> str:
    return _ROLES.sub("", name.lower().replace("_", " ")).strip()
