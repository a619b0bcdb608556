"""Random crops of a photograph for training: one resampling for all geometry, then colour.

All random numbers come from the given generator, so that a training step can be reproduced.
"""

import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Generator, Tensor


@dataclass(frozen=True)
class Augmentation:
    """Ranges of the random changes; each is sampled uniformly.

    Attributes
    ----------
    rotation : float, degrees
        Maximum rotation either way.
    flip : bool
        Flipped half of the time.
    scale : (float, float)
        Smallest and largest magnification, sampled uniformly in its logarithm.
    overhang : float, [0, 0.5]
        Share of its side by which a view that is neither rotated nor scaled may extend beyond the image:
        GroupNorm averages over a view, so views should hold about as much black as a whole canvas does.
    unresampled : float, [0, 1]
        Share of views that use only quarter turns and whole-pixel shifts: they are not resampled, so they are
        as sharp as the photographs in use.
    unfiltered : bool
        Unresampled views get neither blur nor noise, like the photographs in use.
    elastic : float, pixels
        Largest shift of a smooth random field, applied half of the time.
    brightness, contrast, saturation, channel : float
        Relative change, either way; ``channel`` of each colour by itself.
    gamma : float
        Maximum factor of the exponent either way.
    noise : float
        Largest standard deviation of Gaussian noise, in units of full scale.
    blur : float, pixels
        Largest standard deviation of a Gaussian blur, applied a third of the time.
    vignetting : float
        Largest loss of light at a corner of the crop, from a random centre.
    grey : float, [0, 1]
        Share of views without colour.
    """

    rotation: float = 180.0
    flip: bool = True
    scale: tuple[float, float] = (0.75, 1.33)
    overhang: float = 0.3
    unresampled: float = 0.0
    unfiltered: bool = False
    elastic: float = 4.0
    brightness: float = 0.3
    contrast: float = 0.35
    saturation: float = 0.5
    channel: float = 0.2
    gamma: float = 1.5
    noise: float = 0.03
    blur: float = 1.0
    vignetting: float = 0.4
    grey: float = 0.1


def view_settings(settings: Augmentation, draw: Generator) -> Augmentation:
    """Decide whether the next view is unresampled; return its settings, with ``unresampled`` of 0 or 1."""
    if settings.unresampled == 0 or _unit(draw) >= settings.unresampled:
        return replace(settings, unresampled=0.0)
    unresampled = replace(settings, unresampled=1.0)
    return replace(unresampled, blur=0.0, noise=0.0) if settings.unfiltered else unresampled


def random_view(
    canvas: Tensor, window: tuple[slice, slice], size: int, settings: Augmentation, draw: Generator
) -> Tensor:
    """Crop a random view of an image and its labels, rotated, flipped, scaled and warped.

    Parameters
    ----------
    canvas : tensor, shape (C, H, W)
        Image and labels as channels.
    window : (slice, slice)
        Rows and columns of the canvas that hold the image.
    size : int
        Side of the view in pixels.
    settings : Augmentation
        Settings of this view, from :func:`view_settings`.
    draw : torch.Generator

    Returns
    -------
    tensor, shape (C, size, size)
        Zero where the view extends beyond the canvas.
    """
    height, width = canvas.shape[-2:]
    unresampled = settings.unresampled == 1
    angle = math.radians(settings.rotation) * _either_way(draw)
    low, high = map(math.log, settings.scale)
    magnification = math.exp(low + (high - low) * _unit(draw))
    if unresampled:
        angle, magnification = math.pi / 2 * round(2 * angle / math.pi), 1.0
    mirror = -1.0 if settings.flip and _unit(draw) < 0.5 else 1.0
    cos, sin = math.cos(angle) / magnification, math.sin(angle) / magnification
    turn = torch.tensor([[cos * mirror, -sin], [sin * mirror, cos]])

    offset = torch.arange(size, dtype=torch.float32) - (size - 1) / 2
    y, x = torch.meshgrid(offset, offset, indexing="ij")
    place = torch.stack([x, y], dim=-1) @ turn.T  # size, size, (x, y) in pixels from the centre
    if settings.elastic > 0 and _unit(draw) < 0.5 and not unresampled:
        place = place + _smooth_field(size, settings.elastic * _unit(draw), draw)
    kept_off = (1 - 2 * settings.overhang) * size
    rows, columns = (max(0.0, part.stop - part.start - 1 - kept_off) for part in window)
    middle = torch.tensor([part.start + part.stop - 1 for part in window[::-1]]) / 2
    centre = middle + torch.tensor([columns * (_unit(draw) - 0.5), rows * (_unit(draw) - 0.5)])
    if unresampled:
        half = (size - 1) / 2  # so that view pixels coincide with image pixels
        centre = (centre - half).round() + half
    grid = (place + centre + 0.5) * 2 / torch.tensor([width, height]) - 1
    return F.grid_sample(canvas[None], grid[None], mode="bilinear", align_corners=False)[0]


def recolour(image: Tensor, settings: Augmentation, draw: Generator, side: int | None = None) -> Tensor:
    """Change light, colour and sharpness of an image, shape (3, H, W), range [0, 1]; black stays black.

    Noise is added everywhere: a camera's noise is in the dark frame too. With ``side`` a smaller image uses
    the same random numbers as one of that side.
    """
    gain = (1 + settings.brightness * _either_way(draw)) * (
        1 + settings.channel * (2 * torch.rand(3, 1, 1, generator=draw) - 1)
    )
    saturation = 0.0 if _unit(draw) < settings.grey else 1 + settings.saturation * _either_way(draw)
    grey = image.mean(0, keepdim=True)
    image = (grey + (image - grey) * saturation) * gain
    lit = image[:, image.amax(0) > 0.1]
    mean = lit.mean() if lit.numel() else image.new_zeros(())
    # Around the mean of the lit pixels; pixels darker than a tenth of it are the frame and stay black.
    contrast = 1 + settings.contrast * _either_way(draw)
    image = torch.where(image > 0.1 * mean, mean + (image - mean) * contrast, image)
    image = image.clamp(0, 1) ** (settings.gamma ** _either_way(draw))
    image = image * _vignette(image.shape[-1], settings.vignetting * _unit(draw), draw)
    if settings.blur > 0 and _unit(draw) < 1 / 3:
        image = _blurred(image, 0.3 + settings.blur * _unit(draw))
    shape = image.shape if side is None else (3, side, side)
    noise = settings.noise * _unit(draw) * torch.randn(shape, generator=draw)
    return (image + noise[:, : image.shape[-2], : image.shape[-1]]).clamp(0, 1)


def _unit(draw: Generator) -> float:
    return float(torch.rand((), generator=draw))


def _either_way(draw: Generator) -> float:
    return 2 * _unit(draw) - 1


def _smooth_field(size: int, amplitude: float, draw: Generator) -> Tensor:
    """Shifts, shape (size, size, 2), pixels: random on a coarse lattice, cubic between its points."""
    coarse = (2 * torch.rand(1, 2, 6, 6, generator=draw) - 1) * amplitude
    return F.interpolate(coarse, (size, size), mode="bicubic", align_corners=True)[0].permute(1, 2, 0)


def _vignette(size: int, loss: float, draw: Generator) -> Tensor:
    """Light, shape (size, size): 1 at a random centre, falling with the squared distance."""
    y, x = (torch.linspace(0, 1, size) - _unit(draw) for _ in range(2))
    return 1 - loss * (y[:, None] ** 2 + x[None] ** 2) / 2


def _blurred(image: Tensor, sigma: float) -> Tensor:
    reach = math.ceil(2 * sigma)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
    kernel = (kernel / kernel.sum()).expand(3, 1, 1, -1)
    padded = F.pad(image[None], [reach] * 4, mode="replicate")
    return F.conv2d(F.conv2d(padded, kernel, groups=3), kernel.transpose(2, 3), groups=3)[0]
