"""Other networks for the same task, with random weights, to time beside ours in the same run."""

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_saunetv2.engines.runners import runner_of
from napari_saunetv2.networks import NETWORKS

Run = Callable[[NDArray[np.float32]], object]


class _Block(nn.Module):
    """Two convolutions with ReLU and BatchNorm, and a way around them."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.around = nn.Sequential(nn.Conv2d(channels_in, channels_out, 1), nn.BatchNorm2d(channels_out))
        parts: list[nn.Module] = []
        for c in (channels_in, channels_out):
            parts += [nn.Conv2d(c, channels_out, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(channels_out)]
        self.through = nn.Sequential(*parts)

    def forward(self, x: Tensor) -> Tensor:
        summed: Tensor = self.through(x) + self.around(x)
        return summed


class _SmallUNet(nn.Module):
    def __init__(self, channels_in: int, widths: tuple[int, ...] = (8, 16, 32)) -> None:
        super().__init__()
        self.down = nn.ModuleList(_Block(c, d) for c, d in zip((channels_in, *widths), widths, strict=False))
        back = widths[::-1]
        self.up = nn.ModuleList(nn.ConvTranspose2d(c, d, 2, 2) for c, d in pairwise(back))
        self.bridge = nn.ModuleList(
            nn.Sequential(nn.Conv2d(c, c, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(c)) for c in back[1:]
        )
        self.join = nn.ModuleList(_Block(2 * c, c) for c in back[1:])
        self.head = nn.Conv2d(widths[0], 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips: list[Tensor] = []
        for level in self.down:
            x = level(nn.functional.max_pool2d(x, 2) if skips else x)
            skips.append(x)
        for up, bridge, join, skip in zip(self.up, self.bridge, self.join, skips[-2::-1], strict=True):
            x = join(torch.cat([up(x), bridge(skip)], 1))
        logits: Tensor = self.head(x)
        return logits


class LittleWNet(nn.Module):
    """Two small U-Nets, the second sees the first's answer (Galdran et al., 2022): 68,642 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = _SmallUNet(3), _SmallUNet(4)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.second(torch.cat([x, self.first(x).sigmoid()], 1))
        return logits


def in_torch() -> dict[str, tuple[int, Run]]:
    """Name -> parameters and what runs a canvas, all by our torch engine in float32."""
    networks = {
        "U-Net of 23 layers": NETWORKS["unet23"](),
        "SA-UNet": NETWORKS["saunet"](),
        "RSAN": NETWORKS["rsan"](),
        "little W-Net, from its description": LittleWNet(),
    }
    device = torch.device("cpu")
    return {
        name: (sum(p.numel() for p in net.parameters()), runner_of(net.eval(), device, "torch", "float32"))
        for name, net in networks.items()
    }


def in_keras(python: str | None, size: int, repeats: int) -> tuple[str, list[float]] | None:
    """Version and seconds of SA-UNetv2 in Keras, by a Python that has TensorFlow; None where none has."""
    if python is None and find_spec("tensorflow") is None:
        return None
    command = [python or sys.executable, str(Path(__file__).with_name("keras_peer.py"))]
    command += ["--size", str(size), "--repeats", str(repeats), "--threads", str(torch.get_num_threads())]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    return told["version"], told["seconds"]
