"""Which way up a photograph is: the orientation that EXIF and TIFF state (tag 274)."""

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

TAG = 274

_TURNS: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a[::-1].swapaxes(0, 1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: a[:, ::-1].swapaxes(0, 1),
}
"""From the stored pixels to the upright picture, by the numbers of the EXIF standard (CIPA DC-008)."""


def upright(pixels: NDArray[Any], orientation: Any) -> NDArray[Any]:
    """Turn or mirror stored pixels, shape (H, W) or (H, W, C), to the upright picture."""
    return _TURNS[orientation](pixels) if turned(orientation) else pixels


def turned(orientation: Any) -> bool:
    """Say whether the value stands for pixels that are not stored upright."""
    return isinstance(orientation, int) and orientation in _TURNS


def remark(orientation: Any) -> tuple[str, ...]:
    """Say that a picture was set upright, where it was."""
    if not turned(orientation):
        return ()
    return (
        f"The file is stored turned or mirrored (EXIF orientation {orientation}) and was set upright; a mask "
        "that was drawn on the stored pixels does not fit.",
    )
