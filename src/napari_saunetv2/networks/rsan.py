"""RSAN: a residual U-Net with spatial attention in every block."""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_saunetv2.networks._blocks import DropBlock2d, SpatialAttention, UpSample, conv3, initialise


class Activation(nn.Sequential):
    """BatchNorm, ReLU; Keras' momentum of 0.9 is torch's 0.1."""

    def __init__(self, channels: int) -> None:
        super().__init__(nn.BatchNorm2d(channels, eps=2e-5, momentum=0.1), nn.ReLU())


class Residual(nn.Module):
    """Residual block of two pre-activated convolutions, with spatial attention on request."""

    def __init__(self, channels_in: int, channels_out: int, dropblock: float, *, attention: bool) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            Activation(channels_in),
            conv3(channels_in, channels_out),
            DropBlock2d(dropblock),
            Activation(channels_out),
            conv3(channels_out, channels_out),
            DropBlock2d(dropblock),
            *([SpatialAttention()] if attention else []),
        )
        same = channels_in == channels_out
        self.shortcut = nn.Identity() if same else nn.Conv2d(channels_in, channels_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, channels_in, H, W) -> (N, channels_out, H, W)."""
        added: Tensor = self.branch(x) + self.shortcut(x)
        return added


class RSAN(nn.Module):
    """RSAN, as published by default: 1,054,523 parameters.

    Parameters
    ----------
    in_channels : int
        Channels of the image.
    classes : int
        Maps of logits in the output.
    widths : sequence of int
        Channels of the encoder's levels, then of the bridge.
    dropblock : float, [0, 1)
        Share dropped after every convolution during training.

    References
    ----------
    Guo et al., "Residual Spatial Attention Network for Retinal Vessel Segmentation", ICONIP 2020.
    """

    def __init__(
        self,
        *,
        in_channels: int = 3,
        classes: int = 1,
        widths: Sequence[int] = (16, 32, 64, 128),
        dropblock: float = 0.15,
    ) -> None:
        super().__init__()
        *levels, bridge = widths

        def level(channels_in: int, channels_out: int) -> nn.Sequential:
            return nn.Sequential(
                Residual(channels_in, channels_out, dropblock, attention=False),
                Residual(channels_out, channels_out, dropblock, attention=True),
                Activation(channels_out),
            )

        self.encoder = nn.ModuleList(level(c, d) for c, d in pairwise([in_channels, *levels]))
        self.bridge = level(levels[-1], bridge)
        self.up = nn.ModuleList(UpSample(c, d) for c, d in pairwise([bridge, *reversed(levels)]))
        self.decoder = nn.ModuleList(level(2 * c, c) for c in reversed(levels))
        self.head = nn.Conv2d(levels[0], classes, 1)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, in_channels, H, W), range [0, 1], H and W multiples of 8 -> logits (N, classes, H, W)."""
        skips = []
        for level in self.encoder:
            x = level(x)
            skips.append(x)
            x = F.max_pool2d(x, 2)  # half the height and width
        x = self.bridge(x)
        for up, level in zip(self.up, self.decoder, strict=True):
            x = level(torch.cat([up(x), skips.pop()], dim=1))  # twice the height and width
        logits: Tensor = self.head(x)
        return logits
