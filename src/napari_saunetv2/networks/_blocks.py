"""The blocks that the networks share."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_STRIP = 2**18
"""Values of a map that are processed at a time: 1 MiB."""


class DropBlock2d(nn.Module):
    """Drop square blocks of a feature map during training.

    Enough blocks are drawn to cover ``rate`` of the map if none overlap; the rest is scaled up to keep the
    mean.

    Parameters
    ----------
    rate : float, [0, 1)
        Share of a map that its blocks cover.
    block : int
        Side of a block in pixels, odd.

    Attributes
    ----------
    share : (int, int)
        Index of this part of the batch and number of equal parts: blocks are drawn for the whole batch.

    References
    ----------
    Ghiasi, Lin and Le, "DropBlock: a regularization method for convolutional networks", 2018, section 3.
    """

    def __init__(self, rate: float, block: int = 7) -> None:
        super().__init__()
        self.rate = rate
        self.block = block
        self.share = (0, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Drop blocks of ``x``, shape (N, C, H, W); the input itself outside training."""
        if not self.training or self.rate == 0:
            return x
        part, parts = self.share
        maps, (height, width) = parts * x.shape[0] * x.shape[1], x.shape[-2:]
        # A map smaller than the block (deep levels of small crops) uses the largest odd block that fits.
        block = min(self.block, height - 1 + height % 2, width - 1 + width % 2)
        rows, columns = height - block + 1, width - block + 1  # places for a block's top left corner
        # Blocks are few and positions many: drawing only the blocks is ten times faster than one draw per
        # position.
        count = round(self.rate * parts * x.numel() / block**2)
        place = torch.randint(maps * rows * columns, (count,), device=x.device)
        corner = (place // (rows * columns) * height + place // columns % rows) * width + place % columns
        reach = torch.arange(block, device=x.device)
        block_pixels = (reach[:, None] * width + reach).flatten()
        # A byte for each value, not a number: it is remembered for the way back, where memory is highest.
        dropped = torch.zeros((parts, *x.shape), dtype=torch.bool, device=x.device)
        dropped.view(-1)[(corner[:, None] + block_pixels).flatten()] = True
        kept = (dropped.numel() - dropped.count_nonzero()).clamp(min=1)
        return (x * (dropped.numel() / kept).to(x.dtype)).masked_fill_(dropped[part], 0)


class SpatialAttention(nn.Module):
    """Weight every pixel by a 7 x 7 convolution of its channels' mean and maximum.

    References
    ----------
    The spatial part of CBAM: Woo et al., "CBAM: Convolutional Block Attention Module", ECCV 2018.
    """

    def __init__(self) -> None:
        super().__init__()
        self.weigh = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, C, H, W) in and out."""
        summary = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], dim=1)  # N, 2, H, W
        weighed: Tensor = x * self.weigh(summary).sigmoid()
        return weighed


class CrossScaleAttention(nn.Module):
    """Gate an encoder map by a 7 x 7 convolution of encoder and decoder maps.

    References
    ----------
    Guo et al., "SA-UNetv2", arXiv 2509.11774, 2025.
    """

    def __init__(self) -> None:
        super().__init__()
        self.weigh = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, encoded: Tensor, decoded: Tensor) -> Tensor:
        """Gate ``encoded`` (N, C, H, W) by itself and ``decoded`` (N, D, H, W); shape of ``encoded``."""
        summary = torch.cat([encoded.mean(1, keepdim=True), decoded.mean(1, keepdim=True)], dim=1)
        gated: Tensor = encoded * self.weigh(summary).sigmoid()
        return gated


class UpSample(nn.ConvTranspose2d):
    """Transposed 3 x 3 convolution that doubles height and width as Keras does ("same", stride 2)."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out, 3, stride=2)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:  # noqa: ARG002
        """Shape (N, C, H, W) -> (N, D, 2H, 2W): like Keras, keep the first 2H of the 2H + 1 rows.

        An output pixel depends on at most 2 x 2 input pixels, with weights that depend on whether its row and
        column are even: four plain 2 x 2 convolutions, computed as one whose outputs are interleaved. On a
        CPU that takes a half to a seventh of the time of torch's transposed convolution.
        """
        channels_in, channels_out = self.weight.shape[:2]
        # Output row 2i + r uses input row i - k with kernel row 2k + r; likewise for columns.
        kernel = F.pad(self.weight, (0, 1, 0, 1)).view(channels_in, channels_out, 2, 2, 2, 2)
        kernel = kernel.permute(1, 3, 5, 0, 2, 4).flip(4, 5).reshape(4 * channels_out, channels_in, 2, 2)
        assert self.bias is not None
        quarters = F.conv2d(F.pad(x, (1, 0, 1, 0)), kernel, self.bias.repeat_interleave(4))
        return F.pixel_shuffle(quarters, 2)


class Fold(nn.Module):
    """Half the height and width: the pixels of a 2 x 2 block become channels, top left first."""

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, C, H, W) -> (N, 4C, H / 2, W / 2); row r, column s, channel c goes to (2r + s) C + c."""
        batch, channels, height, width = x.shape
        blocks = F.pixel_unshuffle(x, 2).reshape(batch, channels, 4, height // 2, width // 2)
        return blocks.transpose(1, 2).flatten(1, 2)


class Unfold(nn.Module):
    """Undo :class:`Fold`."""

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, 4C, H, W) -> (N, C, 2H, 2W)."""
        batch, channels, height, width = x.shape
        blocks = x.reshape(batch, 4, channels // 4, height, width).transpose(1, 2)
        return F.pixel_shuffle(blocks.flatten(1, 2), 2)


class GroupNorm(nn.GroupNorm):
    """GroupNorm whose statistics do not depend on the number of threads.

    PyTorch's own version sums a channels-last map pixel by pixel in float32, one part per thread: on 592 x
    592 pixels the result is wrong in the fourth digit, and differs by as much between one thread and two.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, C, H, W) in and out."""
        plain = x.is_contiguous() or not x.is_contiguous(memory_format=torch.channels_last)
        if self.training or plain or x.dtype != torch.float32 or not x.is_cpu:
            return super().forward(x)
        pixels = x.shape[-2] * x.shape[-1]
        lines = x.permute(0, 2, 3, 1)  # N, H, W, C as they lie in memory: sums of a line, then of the lines
        height = max(1, _STRIP // lines[:, 0].numel())
        strips = torch.split(lines, height, dim=1)
        squares = torch.cat([strip.square().sum(2) for strip in strips], dim=1)
        # Few numbers remain, so double precision is cheap and the difference below loses nothing.
        mean, square = (part.sum(1, dtype=torch.float64) / pixels for part in (lines.sum(2), squares))
        groups = (len(x), self.num_groups, -1)
        centre = mean.view(groups).mean(2, keepdim=True)
        variance = (square.view(groups).mean(2, keepdim=True) - centre**2).clamp(min=0)
        scale = self.weight.view(groups[1:]) * torch.rsqrt(variance + self.eps)
        shift = self.bias.view(groups[1:]) - centre * scale
        shift, scale = (part.float().view(*x.shape[:2], 1, 1) for part in (shift, scale))
        return torch.addcmul(shift, x, scale)


def conv3(channels_in: int, channels_out: int) -> nn.Conv2d:
    """3 x 3 convolution that keeps height and width."""
    return nn.Conv2d(channels_in, channels_out, 3, padding=1)


def initialise(network: nn.Module) -> None:
    """He normal for convolutions, Glorot uniform for transposed ones, zero biases; in place."""
    for part in network.modules():
        # A network on the meta device has nothing to set, and torch would load its compiler (95 MB, 1 s).
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d) and part.weight.is_meta:
            continue
        if isinstance(part, nn.ConvTranspose2d):
            nn.init.xavier_uniform_(part.weight)
        elif isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
        else:
            continue
        if part.bias is not None:
            nn.init.zeros_(part.bias)
