"""Random light, colour and sharpness of a view for training, as different cameras give them."""

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from napari_saunetv2.training.augmentation import Augmentation, either_way, smooth_field, unit


def recolour(image: Tensor, settings: Augmentation, draw: Generator, side: int | None = None) -> Tensor:
    """Change light, colour and sharpness of an image, shape (3, H, W), range [0, 1]; black stays black.

    Noise is added everywhere: a camera's noise is in the dark frame too. With ``side`` a smaller image uses
    the same random numbers as one of that side.
    """
    device = image.device
    gain = (1 + settings.brightness * either_way(draw)) * (
        1 + settings.channel * (2 * torch.rand(3, 1, 1, generator=draw).to(device) - 1)
    )
    saturation = 0.0 if unit(draw) < settings.grey else 1 + settings.saturation * either_way(draw)
    grey = image.mean(0, keepdim=True)
    if settings.channel_mix > 0 and unit(draw) < settings.channel_mix:
        parts = -torch.rand(3, 1, 1, generator=draw).clamp(min=1e-6).log().to(device)  # all mixtures alike
        grey, saturation = (image * parts).sum(0, keepdim=True) / parts.sum(), 0.0
    image = (grey + (image - grey) * saturation) * gain
    mean = _mean_of_lit(image)
    # Around the mean of the lit pixels; pixels darker than a tenth of it are the frame and stay black.
    contrast = 1 + settings.contrast * either_way(draw)
    image = torch.where(image > 0.1 * mean, mean + (image - mean) * contrast, image)
    image = image.clamp(0, 1) ** (settings.gamma ** either_way(draw))
    image = image * _vignette(image.shape[-1], settings.vignetting * unit(draw), draw, device)
    if settings.shade > 0:
        field = smooth_field(1, 4, image.shape[-1], draw, device).permute(2, 0, 1)
        image = image * (1 - settings.shade * unit(draw) * (0.5 + 0.5 * field)).clamp(0, 1)
    if settings.haze > 0 and unit(draw) < 1 / 3:
        image = _hazy(image, settings.haze * unit(draw), draw)
    if settings.dimming > 0 and unit(draw) < 1 / 3:
        image = image * (1 - settings.dimming * unit(draw))
    if settings.blur > 0 and unit(draw) < 1 / 3:
        image = _blurred(image, 0.3 + settings.blur * unit(draw))
    if settings.defocus > 0 and unit(draw) < 1 / 4:
        image = _defocused(image, 0.5 + (settings.defocus - 0.5) * unit(draw))
    shape = image.shape if side is None else (3, side, side)
    noise = settings.noise * unit(draw) * _normal(shape, draw, device)
    image = (image + noise[:, : image.shape[-2], : image.shape[-1]]).clamp(0, 1)
    if settings.jpeg > 0 and unit(draw) < settings.jpeg:
        image = compressed(image, 25 + 70 * unit(draw))
    return image


def _normal(shape: tuple[int, ...] | torch.Size, draw: Generator, device: torch.device) -> Tensor:
    """Normal random numbers; on another device than the CPU, by a generator there."""
    if device.type == "cpu":
        return torch.randn(shape, generator=draw)
    there = torch.Generator(device).manual_seed(int(torch.randint(2**31, (), generator=draw)))
    return torch.randn(shape, generator=there, device=device)


def _mean_of_lit(image: Tensor) -> Tensor:
    """Mean of the pixels that are not black, a scalar; 0 if there are none."""
    lit = image.amax(0) > 0.1
    return (image * lit).sum() / (len(image) * lit.sum()).clamp(min=1)


def _vignette(size: int, loss: float, draw: Generator, device: torch.device) -> Tensor:
    """Light, shape (size, size): 1 at a random centre, falling with the squared distance."""
    y, x = (torch.linspace(0, 1, size, device=device) - unit(draw) for _ in range(2))
    return 1 - loss * (y[:, None] ** 2 + x[None] ** 2) / 2


def _hazy(image: Tensor, share: float, draw: Generator) -> Tensor:
    """Mix in a veil of the lit pixels' mean colour, brightened, denser in some places than in others."""
    lit = image.amax(0, keepdim=True) > 0.1
    colour = (image * lit).sum((1, 2), keepdim=True) / lit.sum().clamp(min=1)
    veil = (colour * (1 + unit(draw))).clamp(0, 1)
    field = smooth_field(1, 3, image.shape[-1], draw, image.device).permute(2, 0, 1)
    density = (share * (0.5 + 0.5 * field)).clamp(0, 1) * lit
    return image + (veil - image) * density


def _blurred(image: Tensor, sigma: float) -> Tensor:
    reach = math.ceil(2 * sigma)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, device=image.device) / sigma) ** 2)
    kernel = (kernel / kernel.sum()).expand(3, 1, 1, -1)
    padded = F.pad(image[None], [reach] * 4, mode="replicate")
    return F.conv2d(F.conv2d(padded, kernel, groups=3), kernel.transpose(2, 3), groups=3)[0]


def _defocused(image: Tensor, radius: float) -> Tensor:
    """Turn every point into a disc of that radius in pixels, as a lens out of focus does."""
    reach = math.ceil(radius)
    y, x = torch.meshgrid(*[torch.arange(-reach, reach + 1, device=image.device)] * 2, indexing="ij")
    disc = (radius + 0.5 - torch.hypot(y.float(), x.float())).clamp(0, 1)  # pixels at the rim count in part
    kernel = (disc / disc.sum()).expand(3, 1, -1, -1)
    return F.conv2d(F.pad(image[None], [reach] * 4, mode="replicate"), kernel, groups=3)[0]


_LUMINANCE = [
    [16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55], [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62], [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99],
]  # fmt: skip
"""Steps of the luminance of JPEG at quality 50 (ITU-T T.81, annex K)."""

_TO_LUMINANCE = [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]]
"""Red, green and blue to luminance and two colour differences (ITU-T T.871)."""


def compressed(image: Tensor, quality: float) -> Tensor:
    """Round an image, shape (3, H, W), range [0, 1], as JPEG does at a quality of 1 to 100.

    Colours are halved in both directions, and rounded to coarser steps, as usual.
    """
    height, width = image.shape[1:]
    device = image.device
    matrix = torch.tensor(_TO_LUMINANCE, device=device)
    padded = F.pad(image[None], (0, -width % 16, 0, -height % 16), mode="replicate")[0]
    planes = torch.einsum("ij,jhw->ihw", matrix, padded) * 255
    scale = (50 / quality if quality < 50 else 2 - quality / 50) or 0.01
    steps = (torch.tensor(_LUMINANCE, dtype=torch.float32, device=device) * scale).clamp(min=1)
    luminance = _rounded(planes[:1] - 128, steps) + 128
    colour = F.avg_pool2d(planes[None, 1:], 2)[0]
    colour = _rounded(colour, (steps * 1.5).clamp(min=1))
    colour = F.interpolate(colour[None], scale_factor=2.0, mode="bilinear")[0]
    back = torch.einsum("ij,jhw->ihw", torch.linalg.inv(matrix), torch.cat([luminance, colour]) / 255)
    return back[:, :height, :width].clamp(0, 1)


def _rounded(planes: Tensor, steps: Tensor) -> Tensor:
    """Round the cosine transform of every block of 8 x 8 pixels; shape (C, H, W), multiples of 8."""
    count, height, width = planes.shape
    n = torch.arange(8, device=planes.device)
    cosine = 0.5 * torch.cos(math.pi / 8 * (n[None] + 0.5) * n[:, None])
    cosine[0] = math.sqrt(1 / 8)
    blocks = planes.view(count, height // 8, 8, width // 8, 8).transpose(2, 3)
    rounded = ((cosine @ blocks @ cosine.T) / steps).round() * steps
    return (cosine.T @ rounded @ cosine).transpose(2, 3).reshape(count, height, width)
