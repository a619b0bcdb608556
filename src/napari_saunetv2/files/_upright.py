"""The orientation of a photograph in EXIF and TIFF (tag 274)."""

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
"""From the stored pixels to the upright image, by the numbers of the EXIF standard (CIPA DC-008)."""


def upright(pixels: NDArray[Any], orientation: Any) -> NDArray[Any]:
    """Rotate or flip stored pixels, shape (H, W) or (H, W, C), to the upright image."""
    return _TURNS[orientation](pixels) if turned(orientation) else pixels


def turned(orientation: Any) -> bool:
    """Whether the value means that the pixels are not stored upright."""
    return isinstance(orientation, int) and orientation in _TURNS


def remark(orientation: Any) -> tuple[str, ...]:
    """Remark that an image was turned upright, if it was."""
    if not turned(orientation):
        return ()
    return (
        f"The file is stored rotated or flipped (EXIF orientation {orientation}) and was turned upright; a "
        "mask drawn on the stored pixels does not fit.",
    )
