"""Fixed copies of a photograph, as the papers of the family make them before their training begins.

A copy is drawn again, the same, whenever it is asked for: 13 copies of 20 canvases would fill the memory.
"""

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal, overload

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from napari_saunetv2.training.views import Prepared

Resampling = Literal["nearest", "bilinear"]

_LUMA = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
_SMOOTH = torch.tensor([[1.0, 1.0, 1.0], [1.0, 5.0, 1.0], [1.0, 1.0, 1.0]]) / 13


class Copies(Sequence[Prepared]):
    """Copies of some images, made when they are asked for.

    Parameters
    ----------
    images : sequence of Prepared
    chosen : sequence of (int, int)
        Which image, and which copy of it: 0 is the image itself.
    seed : int
    labels : "nearest" or "bilinear"
        How labels are resampled where a copy is turned: those that are only 0 and 1 stay so, soft ones are
        as smooth as the image.
    """

    def __init__(
        self,
        images: Sequence[Prepared],
        chosen: Sequence[tuple[int, int]],
        seed: int,
        labels: Resampling = "nearest",
    ) -> None:
        self._images, self.chosen, self._seed, self._labels = images, chosen, seed, labels

    def __len__(self) -> int:
        return len(self.chosen)

    @overload
    def __getitem__(self, index: int) -> Prepared: ...
    @overload
    def __getitem__(self, index: slice) -> "Copies": ...
    def __getitem__(self, index: int | slice) -> "Prepared | Copies":
        """Make one copy, or name some of them."""
        if isinstance(index, slice):
            return Copies(self._images, self.chosen[index], self._seed, self._labels)
        image, number = self.chosen[index]
        return copy(self._images[image], number, self._seed, self._labels)


def copy(image: Prepared, number: int, seed: int, labels: Resampling = "nearest") -> Prepared:
    """Make a copy of an image on its canvas; its draws depend on name, ``number`` and ``seed`` alone.

    Parameters
    ----------
    image : Prepared
    number : int
        0 is the image itself, 1, 5, 9, ... are turned by any angle, 2, 6, 10 in other colours, 3, 7, 11 with
        noise, 4, 8, 12 mirrored from left to right, from top to bottom, and both.
    seed : int
    labels : "nearest" or "bilinear"

    References
    ----------
    Guo et al., "SA-UNet", 2020, section III-A: three copies of each kind beside the image make 13. The ranges
    are those of the program that its authors published.
    """
    if number == 0:
        return image
    which, kind = divmod(number - 1, len(_KINDS))
    mixed = (seed * 1_000_003 + zlib.crc32(image.name.encode())) * 1_009 + number
    canvas = image.canvas.clone()
    rows, columns = image.frame
    part = canvas[:, rows, columns]
    draw = torch.Generator().manual_seed(mixed % 2**63)
    canvas[:, rows, columns] = _KINDS[kind](part, labels if kind == 0 else which, draw)
    return replace(image, canvas=canvas)


def _turned(part: Tensor, labels: Resampling, draw: Generator) -> Tensor:
    """Turn about the middle; what leaves the frame is lost, what comes in is black."""
    height, width = part.shape[1:]
    angle = math.radians(float(torch.randint(1, 360, (), generator=draw)))
    cos, sin = math.cos(angle), math.sin(angle)
    y, x = torch.meshgrid(
        torch.arange(height) - (height - 1) / 2, torch.arange(width) - (width - 1) / 2, indexing="ij"
    )
    place = torch.stack([cos * x - sin * y, sin * x + cos * y], dim=-1)
    grid = (place * 2 / torch.tensor([width, height]))[None]
    colours = F.grid_sample(part[None, :3], grid, mode="bicubic", align_corners=False)[0].clamp(0, 1)
    vessels = F.grid_sample(part[None, 3:], grid, mode=labels, align_corners=False)[0]
    return torch.cat([colours, vessels])


def _recoloured(part: Tensor, _: int, draw: Generator) -> Tensor:
    """Change saturation (0 to 3), brightness and contrast (1 to 2) and sharpness (0 to 3), in this order."""
    saturation, sharpness = (float(3 * torch.rand((), generator=draw)) for _ in range(2))
    brightness, contrast = (float(1 + torch.rand((), generator=draw)) for _ in range(2))
    image = part[:3]
    image = _away(image, (_LUMA * image).sum(0, keepdim=True), saturation)
    image = (image * brightness).clamp(0, 1)
    image = _away(image, (_LUMA * image).sum(0).mean(), contrast)
    smooth = F.conv2d(F.pad(image[:, None], [1] * 4, mode="replicate"), _SMOOTH[None, None])[:, 0]
    return torch.cat([_away(image, smooth, sharpness), part[3:]])


def _away(image: Tensor, origin: Tensor, factor: float) -> Tensor:
    return (origin + (image - origin) * factor).clamp(0, 1)


def _noisy(part: Tensor, _: int, draw: Generator) -> Tensor:
    """Add noise of mean 0.2 and standard deviation 0.3 levels of 255: next to nothing, but as published."""
    noise = 0.2 + 0.3 * torch.randn(3, *part.shape[1:], generator=draw)
    return torch.cat([(part[:3] + noise / 255).clamp(0, 1), part[3:]])


def _mirrored(part: Tensor, which: int, _: Generator) -> Tensor:
    return part.flip(((2,), (1,), (1, 2))[which % 3])


_KINDS: tuple[Callable[[Tensor, Any, Generator], Tensor], ...] = (_turned, _recoloured, _noisy, _mirrored)
