"""Random crops of a photograph for training: one resampling for all geometry.

All random numbers come from the given generator, so that a training step can be reproduced.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from napari_saunetv2.training.store import Held, tensor_of


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
        as sharp as the photographs in use. Of a photograph held at several scales, half of them have the
        scale in use.
    unfiltered : bool
        Unresampled views get neither blur nor noise nor any other fault, like the photographs in use.
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
    channel_mix : float, [0, 1]
        Share of views that are grey, of channels mixed at random: green alone looks like a red-free
        photograph, red alone much like an infrared one.
    dimming : float, [0, 1)
        Largest loss of light everywhere, a third of the time.
    shade : float, [0, 1)
        Largest loss of light in a smooth random field: uneven light.
    haze : float, [0, 1)
        Largest share of a bright veil, a smooth random field, a third of the time.
    defocus : float, pixels
        Largest radius of the disc that a point becomes, a quarter of the time.
    jpeg : float, [0, 1]
        Share of views compressed as by JPEG, at a quality of 25 to 95.
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
    channel_mix: float = 0.0
    dimming: float = 0.0
    shade: float = 0.0
    haze: float = 0.0
    defocus: float = 0.0
    jpeg: float = 0.0


@dataclass(frozen=True, eq=False)
class Level:
    """A photograph with its labels at one scale.

    Attributes
    ----------
    factor : float
        Its scale relative to the scale in use.
    held : tensor or Held, shape (C, H, W)
        The canvas, or where it lies.
    window : (slice, slice)
        Rows and columns of the canvas that hold the image.
    """

    factor: float
    held: Tensor | Held
    window: tuple[slice, slice]

    @property
    def canvas(self) -> Tensor:
        """Image and labels as channels, shape (C, H, W); read each time where it is not in memory."""
        return tensor_of(self.held)


def view_settings(settings: Augmentation, draw: Generator) -> Augmentation:
    """Decide whether the next view is unresampled; return its settings, with ``unresampled`` of 0 or 1."""
    if settings.unresampled == 0 or unit(draw) >= settings.unresampled:
        return replace(settings, unresampled=0.0)
    unresampled = replace(settings, unresampled=1.0)
    if not settings.unfiltered:
        return unresampled
    return replace(
        unresampled,
        blur=0.0,
        noise=0.0,
        channel_mix=0.0,
        dimming=0.0,
        shade=0.0,
        haze=0.0,
        defocus=0.0,
        jpeg=0.0,
    )


def random_view(levels: Sequence[Level], size: int, settings: Augmentation, draw: Generator) -> Tensor:
    """Crop a random view of an image and its labels, rotated, flipped, scaled and warped.

    Parameters
    ----------
    levels : sequence of Level
        The photograph at one scale or several, the smallest first. A view is taken from the smallest that
        need not be enlarged, so that it is neither blurred nor aliased.
    size : int
        Side of the view in pixels.
    settings : Augmentation
        Settings of this view, from :func:`view_settings`.
    draw : torch.Generator
        Of the CPU.

    Returns
    -------
    tensor, shape (C, size, size)
        Zero where the view extends beyond the canvas. On the device of the levels.
    """
    unresampled = settings.unresampled == 1
    angle = math.radians(settings.rotation) * either_way(draw)
    low, high = map(math.log, settings.scale)
    magnification = math.exp(low + (high - low) * unit(draw))
    if unresampled:
        angle = math.pi / 2 * round(2 * angle / math.pi)
        level = _one_of(levels, draw)
        magnification = level.factor
    else:
        level = next((level for level in levels if level.factor >= magnification), levels[-1])
    height, width = level.held.shape[-2:]
    device = level.held.device
    mirror = -1.0 if settings.flip and unit(draw) < 0.5 else 1.0
    cos, sin = (f(angle) * level.factor / magnification for f in (math.cos, math.sin))

    offset = torch.arange(size, dtype=torch.float32, device=device) - (size - 1) / 2
    x, y = offset[None], offset[:, None]
    place = torch.stack([cos * mirror * x - sin * y, sin * mirror * x + cos * y], dim=-1)  # from the centre
    if settings.elastic > 0 and unit(draw) < 0.5 and not unresampled:
        reach = settings.elastic * unit(draw)
        place = place + reach * smooth_field(2, 6, size, draw, device)
    kept_off = (1 - 2 * settings.overhang) * size
    centre = []
    for part in level.window[::-1]:
        room = max(0.0, part.stop - part.start - 1 - kept_off)
        at = (part.start + part.stop - 1) / 2 + room * (unit(draw) - 0.5)
        half = (size - 1) / 2
        centre.append(round(at - half) + half if unresampled else at)  # pixels of view and image coincide
    grid = torch.stack(
        [(place[..., n] + (centre[n] + 0.5)) * (2 / length) - 1 for n, length in enumerate((width, height))],
        dim=-1,
    )
    return F.grid_sample(level.canvas[None], grid[None], mode="bilinear", align_corners=False)[0]


def _one_of(levels: Sequence[Level], draw: Generator) -> Level:
    """Draw the scale in use half of the time, else any; nothing is drawn where there is one alone."""
    if len(levels) == 1:
        return levels[0]
    if unit(draw) < 0.5:
        return next(level for level in levels if level.factor == 1)
    return levels[int(torch.randint(len(levels), (), generator=draw))]


def smooth_field(count: int, points: int, size: int, draw: Generator, device: torch.device) -> Tensor:
    """Smooth random fields, shape (size, size, count), about [-1, 1]: cubic between random points."""
    coarse = (2 * torch.rand(1, count, points, points, generator=draw) - 1).to(device)
    return F.interpolate(coarse, (size, size), mode="bicubic", align_corners=True)[0].permute(1, 2, 0)


def unit(draw: Generator) -> float:
    """A random number, range [0, 1)."""
    return float(torch.rand((), generator=draw))


def either_way(draw: Generator) -> float:
    """A random number, range [-1, 1)."""
    return 2 * unit(draw) - 1
