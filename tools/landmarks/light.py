"""Other light for training views: what other cameras, lids, cataracts and lesions do to a photograph."""

import numpy as np
import torch
import torch.nn.functional as F

from napari_saunetv2.inference.framing import BRIGHT, DARKEST, SIDE

ROWS, COLUMNS = torch.meshgrid(torch.arange(SIDE * 1.0), torch.arange(SIDE * 1.0), indexing="ij")


def in_other_light(picture: torch.Tensor, inside: torch.Tensor, draw: np.random.Generator) -> torch.Tensor:
    """Change colour, exposure and sharpness, and lay haze, reflections and lesions over a picture."""

    def smooth() -> torch.Tensor:
        coarse = torch.from_numpy(draw.normal(0, 1, (1, 1, 4, 4)).astype(np.float32))
        return F.interpolate(coarse, (SIDE, SIDE), mode="bicubic", align_corners=False)[0, 0]

    def numbers(low: float, high: float) -> torch.Tensor:
        return torch.from_numpy(draw.uniform(low, high, 3).astype(np.float32))[:, None, None]

    shines = draw.random() < 0.25
    reflections = int(draw.integers(1, 4)) * shines
    lesions = int(draw.integers(0, 5)) if draw.random() < 0.3 else 0
    for strength, most in [(0.35, 1.0)] * reflections + [(-0.3, 0.7)] * lesions:
        x, y = draw.uniform(0.1, 0.9, 2) * SIDE
        a, b = draw.uniform(0.7, 5, 2)
        spot = torch.exp(-((((COLUMNS - x) / a) ** 2 + ((ROWS - y) / b) ** 2) ** 1.5))
        colour = numbers(0.4, 1)
        picture = picture + strength * draw.uniform(0.3, most) * spot * colour
    picture = picture.clamp(0, 1)
    if draw.random() < 0.5:
        picture = picture ** numbers(0.75, 1.35)
    picture = picture * numbers(0.6, 1.4)
    if draw.random() < 0.4:
        picture = picture * (1 + 0.25 * smooth()).clamp(0.2, 2)
    if draw.random() < 0.3:
        haze = (draw.uniform(0, 0.5) + 0.2 * smooth()).clamp(0, 0.8)
        picture = picture * (1 - haze) + haze * numbers(0.3, 1)
    if draw.random() < 0.12:
        grey = picture[1] if draw.random() < 0.6 else picture.mean(0)
        picture = grey.expand(3, SIDE, SIDE)
    if draw.random() < 0.1:
        if draw.random() < 0.2:
            picture = picture[[2, 1, 0]]
        else:
            picture = picture.roll(int(draw.integers(1, 3)), 0) * 0.5 + picture * 0.5
    if draw.random() < 0.3:
        sigma = draw.uniform(0.3, 0.9)
        reach = torch.arange(-4.0, 5.0)
        kernel = torch.exp(-(reach**2) / (2 * sigma**2))
        kernel = (kernel / kernel.sum()).expand(3, 1, 1, 9)
        picture = F.conv2d(F.pad(picture[None], (4, 4, 4, 4), mode="replicate"), kernel, groups=3)
        picture = F.conv2d(picture, kernel.transpose(2, 3), groups=3)[0]
    picture = picture * inside
    lit = picture.amax(0)[inside > 0.5]
    bright = torch.quantile(lit, BRIGHT) if len(lit) else torch.tensor(1.0)
    picture = picture / bright.clamp(min=DARKEST)
    if draw.random() < 0.4:
        noise = torch.from_numpy(draw.normal(0, draw.uniform(0.01, 0.08), (3, SIDE, SIDE)).astype(np.float32))
        picture = picture + noise * inside
    return picture.clamp(0, 1)
