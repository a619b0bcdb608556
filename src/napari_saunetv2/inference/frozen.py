"""A network whose GroupNorm statistics are fixed for one image, so that its tiles agree.

GroupNorm computes mean and variance from its input, so the same pixel in two tiles gets two predictions. Here
they are computed once, jointly over a sample of tiles spread over the image, and used for every tile.
"""

import copy
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.engines import runners
from napari_saunetv2.inference import windows
from napari_saunetv2.inference.tiles import Tile
from napari_saunetv2.models.checkpoint import Checkpoint
from napari_saunetv2.networks._blocks import DropBlock2d


class _Measuring(nn.BatchNorm2d):
    """GroupNorm with weighted statistics over all images of a batch, which it stores."""

    def __init__(self, part: nn.GroupNorm, shares: Tensor, border: float) -> None:
        super().__init__(part.num_channels, part.eps)
        self.weight, self.bias = part.weight, part.bias
        self._groups = part.num_groups
        self._shares = shares[:, None]
        self._border = border

    def forward(self, x: Tensor) -> Tensor:
        rim = round(self._border * x.shape[-1])  # pixels influenced by the padding of a tile do not count
        inner = x[..., rim : x.shape[-2] - rim, rim : x.shape[-1] - rim]
        members = inner.shape[1] // self._groups
        variance, mean = torch.var_mean(inner, (2, 3), correction=0)  # of every image and channel
        mean_of_group = (self._shares * mean).sum(0).view(-1, members).mean(1)
        away = variance + (mean - mean_of_group.repeat_interleave(members)) ** 2
        spread = (self._shares * away).sum(0).view(-1, members).mean(1)
        self.running_mean = mean_of_group.repeat_interleave(members)
        self.running_var = spread.repeat_interleave(members)
        return super().forward(x)


def freeze(network: nn.Module, samples: Tensor, shares: Tensor, *, border: float = 0.125) -> nn.Module:
    """Copy a network and replace its GroupNorms by fixed scales, folded into the convolutions before them.

    Parameters
    ----------
    network : nn.Module
        In evaluation mode; one without GroupNorm is copied as it is.
    samples : tensor, shape (N, C, S, S), range [0, 1]
        Tiles of the image over which the statistics are taken, jointly.
    shares : tensor, shape (N,), sum 1
        Share of the image that each represents.
    border : float, [0, 0.5)
        Share of a tile's side, at each end, that is ignored.
    """
    frozen = copy.deepcopy(network)
    norms = [(parent, name) for parent in frozen.modules() for name, _ in _norms(parent)]
    if not norms:
        return frozen
    for parent, name in norms:
        setattr(parent, name, _Measuring(getattr(parent, name), shares, border).eval())
    with torch.inference_mode(False), torch.no_grad():
        frozen(samples)
        for parent in list(frozen.modules()):
            if isinstance(parent, nn.Sequential):
                _fold(parent)
    return frozen.requires_grad_(requires_grad=False)


def _norms(parent: nn.Module) -> Iterator[tuple[str, nn.GroupNorm]]:
    return ((name, part) for name, part in parent.named_children() if isinstance(part, nn.GroupNorm))


def _fold(parts: nn.Sequential) -> None:
    """Fold a scale after a convolution into its weights."""
    before: tuple[int, nn.Conv2d] | None = None
    for number, part in enumerate(parts):
        if isinstance(part, nn.Conv2d):
            before = number, part
        elif isinstance(part, _Measuring) and before is not None:
            parts[before[0]] = fuse_conv_bn_eval(before[1], part)
            parts[number], before = nn.Identity(), None
        elif isinstance(part, _Measuring):
            parts[number] = _plain(part)
        elif not isinstance(part, DropBlock2d):
            before = None
    if isinstance(parts[-1], nn.SiLU) and len(parts) > 1:
        parts[-1] = nn.SiLU(inplace=True)


def _plain(part: _Measuring) -> nn.BatchNorm2d:
    plain = nn.BatchNorm2d(part.num_features, part.eps)
    plain.load_state_dict(part.state_dict())
    return plain.eval()


SAMPLES, SAMPLE_SIDE = 96, 128
"""A large image's statistics are computed from about SAMPLES tiles of this side in pixels."""


def frozen_run(
    model: Checkpoint,
    read: Callable[[Tile], NDArray[np.float32]],
    shape: tuple[int, int],
    config: InferenceConfig,
) -> runners.Runner:
    """Prepare a model for the tiles of one image, with that image's GroupNorm statistics.

    Parameters
    ----------
    model : Checkpoint
    read : callable
        Returns a part of the image, shape (h, w, 3), range [0, 1].
    shape : (int, int)
        The image's height and width.
    config : InferenceConfig
        With its "auto" replaced, as by :func:`napari_saunetv2.inference.passes.resolved`.
    """
    device = torch.device(config.device)
    samples, shares = windows.spread(read, *shape, count=SAMPLES, side=SAMPLE_SIDE)
    planes = torch.from_numpy(samples).permute(0, 3, 1, 2)
    network = freeze(model.network, planes.to(device), torch.from_numpy(shares).to(device))
    return runners.runner_of(network, device, config.engine, config.precision, model.header.ranges)
