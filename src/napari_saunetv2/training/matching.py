"""Which labels belong to which image, by name and shape."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

_ROLES = re.compile(
    r"[\W_]*(vessels?|labels?|masks?|manual|annotations?|edited|exact|fov|\d(st|nd)ho|ah|vk)\b", re.I
)


class Named(NamedTuple):
    """A layer or file: its name, and the shape of its labels or of the labels that would fit it."""

    name: str
    shape: tuple[int, ...]


def match(images: Sequence[Named], others: Sequence[Named]) -> list[int | None]:
    """For each image the index of what belongs to it among the others: of its shape, and the nearest name.

    Names count without words such as "vessels" or "mask". What is the nearest for several images belongs to
    the one whose name is nearer. Something of the right shape whose name has nothing to do with any image's
    is taken only where it is the only one, for the only image.
    """
    found = [_best(image, others, alone=len(images) == 1) for image in images]
    taken = [(number, _likeness(image.name, others[number].name)) for image, number in _pairs(images, found)]
    nearest = {number: max(near for other, near in taken if other == number) for number, _ in taken}
    return [
        number if number is None or _likeness(image.name, others[number].name) == nearest[number] else None
        for image, number in zip(images, found, strict=True)
    ]


def _pairs(images: Sequence[Named], found: Sequence[int | None]) -> list[tuple[Named, int]]:
    return [(image, number) for image, number in zip(images, found, strict=True) if number is not None]


def _best(image: Named, others: Sequence[Named], *, alone: bool) -> int | None:
    fitting = [number for number, other in enumerate(others) if other.shape == image.shape]
    if not fitting:
        return None
    likeness = {number: _likeness(image.name, others[number].name) for number in fitting}
    # Of several that are as near, the last: it was added last.
    best = max(fitting, key=lambda number: (likeness[number], number))
    return best if likeness[best] >= 0.75 or (alone and len(fitting) == 1) else None


def _likeness(image: str, other: str) -> float:
    a, b = _bare(image), _bare(other)
    if not a or not b:
        return 0.0
    if a == b:
        return 2.0
    if re.findall(r"\d+", a) != re.findall(r"\d+", b):
        return 0.0  # eye1 and eye2 are as like as names can be, and two eyes
    return SequenceMatcher(None, a, b).ratio()


def _bare(name: str) -> str:
    return _ROLES.sub("", name.lower().replace("_", " ")).strip()
