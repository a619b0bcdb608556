"""The networks of the SA-UNet family; all give logits, and are built without arguments as published."""

from collections.abc import Callable

from torch import nn

from napari_saunetv2.networks.saunetv2 import SAUNetV2

NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "saunetv2": SAUNetV2,
}

__all__ = ["NETWORKS", "SAUNetV2"]
