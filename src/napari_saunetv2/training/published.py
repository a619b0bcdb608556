"""Augmentation as by the authors of SA-UNet and SA-UNetv2.

The authors make 13 copies of every image before training: the image itself, three rotated, three recoloured,
three with noise, three mirrored. Here each view of a step is sampled with the same probabilities and ranges,
without stored copies.

References
----------
Guo et al., "SA-UNet", 2020, section III-A. The ranges are those of the program that its authors published.
"""

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

_LUMA = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
_SMOOTH = torch.tensor([[1.0, 1.0, 1.0], [1.0, 5.0, 1.0], [1.0, 1.0, 1.0]]) / 13


def published_view(canvas: Tensor, frame: tuple[slice, slice], draw: Generator) -> Tensor:
    """Sample a view of a whole canvas.

    Parameters
    ----------
    canvas : tensor, shape (C, H, W), range [0, 1]
        Three colours, then labels.
    frame : (slice, slice)
        Rows and columns of the canvas that hold the image; only these change.
    draw : torch.Generator

    Returns
    -------
    tensor, shape (C, H, W)
    """
    kind = _KINDS[int(torch.randint(len(_KINDS), (), generator=draw))]
    view = canvas.clone()
    view[:, *frame] = kind(view[:, *frame], draw)
    return view


def _unchanged(part: Tensor, _: Generator) -> Tensor:
    return part


def _rotated(part: Tensor, draw: Generator) -> Tensor:
    """Rotate about the centre; corners are cut off or black, labels stay 0 or 1."""
    height, width = part.shape[1:]
    angle = math.radians(float(torch.randint(1, 360, (), generator=draw)))
    cos, sin = math.cos(angle), math.sin(angle)
    rows, columns = (torch.arange(n, device=part.device) - (n - 1) / 2 for n in (height, width))
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    source = torch.stack([(cos * x - sin * y) * 2 / width, (sin * x + cos * y) * 2 / height], dim=-1)
    grid = source[None]
    colours = F.grid_sample(part[None, :3], grid, mode="bicubic", align_corners=False)[0].clamp(0, 1)
    labels = F.grid_sample(part[None, 3:], grid, mode="nearest", align_corners=False)[0]
    return torch.cat([colours, labels])


def _recoloured(part: Tensor, draw: Generator) -> Tensor:
    """Change saturation (0 to 3), brightness and contrast (1 to 2) and sharpness (0 to 3), in this order."""
    saturation, sharpness = (float(3 * torch.rand((), generator=draw)) for _ in range(2))
    brightness, contrast = (float(1 + torch.rand((), generator=draw)) for _ in range(2))
    image, luma = part[:3], _LUMA.to(part.device)
    image = _away(image, (luma * image).sum(0, keepdim=True), saturation)
    image = (image * brightness).clamp(0, 1)
    image = _away(image, (luma * image).sum(0).mean(), contrast)
    kernel = _SMOOTH.to(part.device)[None, None]
    smooth = F.conv2d(F.pad(image[:, None], [1] * 4, mode="replicate"), kernel)[:, 0]
    return torch.cat([_away(image, smooth, sharpness), part[3:]])


def _away(image: Tensor, origin: Tensor, factor: float) -> Tensor:
    return (origin + (image - origin) * factor).clamp(0, 1)


def _noisy(part: Tensor, draw: Generator) -> Tensor:
    """Add noise of mean 0.2 and standard deviation 0.3 of 255 levels: negligible, but as published."""
    noise = 0.2 + 0.3 * torch.randn(3, *part.shape[1:], generator=draw).to(part.device)
    return torch.cat([(part[:3] + noise / 255).clamp(0, 1), part[3:]])


def _mirrored(part: Tensor, draw: Generator) -> Tensor:
    axes = ((2,), (1,), (1, 2))
    return part.flip(axes[int(torch.randint(3, (), generator=draw))])


_KINDS = (_unchanged, *[_rotated] * 3, *[_recoloured] * 3, *[_noisy] * 3, *[_mirrored] * 3)
