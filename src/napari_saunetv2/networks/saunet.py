"""SA-UNet and the plain networks of its ablation: one U-Net, with parts left out."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_saunetv2.networks._blocks import DropBlock2d, SpatialAttention, UpSample, conv3, initialise


class SAUNet(nn.Module):
    """SA-UNet, as published by default: 538,707 parameters.

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
    normalised : bool
        Whether BatchNorm follows.
    attention : bool
        Whether the bridge has spatial attention.

    References
    ----------
    Guo et al., "SA-UNet: Spatial Attention U-Net for Retinal Vessel Segmentation", ICPR 2020.
    """

    def __init__(
        self,
        *,
        in_channels: int = 3,
        classes: int = 1,
        widths: Sequence[int] = (16, 32, 64, 128),
        dropblock: float = 0.18,
        normalised: bool = True,
        attention: bool = True,
    ) -> None:
        super().__init__()
        *levels, bridge = widths

        def unit(channels_in: int, channels_out: int) -> Iterator[nn.Module]:
            yield conv3(channels_in, channels_out)
            if dropblock:
                yield DropBlock2d(dropblock)
            if normalised:  # Keras' momentum of 0.99 is torch's 0.01
                yield nn.BatchNorm2d(channels_out, eps=1e-3, momentum=0.01)
            yield nn.ReLU()

        def pair(channels_in: int, channels_out: int) -> nn.Sequential:
            return nn.Sequential(*unit(channels_in, channels_out), *unit(channels_out, channels_out))

        self.encoder = nn.ModuleList(pair(c, d) for c, d in pairwise([in_channels, *levels]))
        between = [SpatialAttention()] if attention else []
        self.bridge = nn.Sequential(*unit(levels[-1], bridge), *between, *unit(bridge, bridge))
        self.up = nn.ModuleList(UpSample(c, d) for c, d in pairwise([bridge, *reversed(levels)]))
        self.decoder = nn.ModuleList(pair(2 * c, c) for c in reversed(levels))
        self.head = nn.Conv2d(levels[0], classes, 1)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, in_channels, H, W), range [0, 1] -> logits (N, classes, H, W).

        H and W are multiples of 2 to the number of levels.
        """
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


Backbone = partial(SAUNet, attention=False)
SDUNet = partial(SAUNet, attention=False, normalised=False)
UNetSA = partial(SAUNet, normalised=False, dropblock=0)
UNet18 = partial(SAUNet, attention=False, normalised=False, dropblock=0)
UNet23 = partial(UNet18, widths=(16, 32, 64, 128, 256))
