"""The networks of the SA-UNet family: all return logits, and are built as published by default."""

from collections.abc import Callable

from torch import nn

from napari_saunetv2.networks.artery_vein import ArteryVein
from napari_saunetv2.networks.rsan import RSAN
from napari_saunetv2.networks.saunet import Backbone, SAUNet, SDUNet, UNet18, UNet23, UNetSA
from napari_saunetv2.networks.saunetv2 import SAUNetV2

NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "saunetv2": SAUNetV2,
    "saunet": SAUNet,
    "rsan": RSAN,
    "backbone": Backbone,
    "sd_unet": SDUNet,
    "unet_sa": UNetSA,
    "unet18": UNet18,
    "unet23": UNet23,
    "artery_vein": ArteryVein,
}

__all__ = ["NETWORKS", "RSAN", "ArteryVein", "SAUNet", "SAUNetV2"]
