"""SA-UNetv2: a small U-Net with attention in the bridge and on every skip."""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_saunetv2.networks._blocks import (
    CrossScaleAttention,
    DropBlock2d,
    GroupNorm,
    SpatialAttention,
    UpSample,
    conv3,
    initialise,
)


class ConvUnit(nn.Sequential):
    """Convolution, DropBlock, GroupNorm, SiLU."""

    def __init__(self, channels_in: int, channels_out: int, dropblock: float) -> None:
        super().__init__(
            conv3(channels_in, channels_out),
            DropBlock2d(dropblock),
            GroupNorm(8, channels_out, eps=1e-3),
            nn.SiLU(),
        )


class SAUNetV2(nn.Module):
    """SA-UNetv2, as published by default: 260,521 parameters.

    Parameters
    ----------
    in_channels : int
        Channels of the image.
    classes : int
        Maps of logits in the output, one for each class.
    widths : sequence of int
        Channels of the encoder's levels, then of the bridge; multiples of 8 (the groups of GroupNorm).
    dropblock : float, [0, 1)
        Share dropped after every convolution during training.

    References
    ----------
    Guo et al., "SA-UNetv2: Rethinking Spatial Attention U-Net for Retinal Vessel Segmentation",
    arXiv 2509.11774, 2025.
    """

    def __init__(
        self,
        *,
        in_channels: int = 3,
        classes: int = 1,
        widths: Sequence[int] = (16, 32, 48, 64),
        dropblock: float = 0.15,
    ) -> None:
        super().__init__()
        *levels, bridge = widths

        def pair(channels_in: int, channels_out: int) -> nn.Sequential:
            return nn.Sequential(
                ConvUnit(channels_in, channels_out, dropblock),
                ConvUnit(channels_out, channels_out, dropblock),
            )

        self.encoder = nn.ModuleList(pair(c, d) for c, d in zip([in_channels, *levels], levels, strict=False))
        self.bridge_in = ConvUnit(levels[-1], bridge, dropblock)
        self.attention = SpatialAttention()
        self.bridge_out = ConvUnit(bridge, bridge, dropblock)
        upward = [bridge, *reversed(levels)]
        self.up = nn.ModuleList(UpSample(c, d) for c, d in pairwise(upward))
        self.gate = nn.ModuleList(CrossScaleAttention() for _ in levels)
        self.decoder = nn.ModuleList(pair(2 * c, c) for c in reversed(levels))
        self.head = nn.Conv2d(levels[0], classes, 1)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, in_channels, H, W), range [0, 1], H and W multiples of 8 -> logits (N, classes, H, W)."""
        skips = []
        for level in self.encoder:
            x = level(x)
            skips.append(x)
            x = F.max_pool2d(x, 2)  # half the height and width
        x = self.bridge_out(self.attention(self.bridge_in(x)))
        for up, gate, level in zip(self.up, self.gate, self.decoder, strict=True):
            x = up(x)  # twice the height and width
            x = level(torch.cat([x, gate(skips.pop(), x)], dim=1))
        logits: Tensor = self.head(x)
        return logits
