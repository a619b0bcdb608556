"""Observers draw differently: one has vessels wider, another leaves the faintest out.

A network that is trained on the labels of several, without being told whose they are, learns to guess the
observer from the camera, and on another camera the guess is arbitrary. So each observer has an output map of
the last layer; everything before it is shared. The model that is written has one map, which stands for nobody
in particular.
"""

from torch import nn

from napari_saunetv2.networks import NETWORKS
from napari_saunetv2.training.config import TrainConfig


def for_anybody(network: nn.Module, config: TrainConfig) -> nn.Module:
    """Replace the output maps of observers by one; a network without them is returned as it is.

    It is the map that tells none apart, where there is one, else the mean of the observers' maps. The maps are
    logits of a linear layer, so their mean is one of weights.
    """
    if not config.observers:
        return network
    weights = dict(network.state_dict())
    count = len(config.observers)
    for name in ("head.weight", "head.bias"):
        maps = weights[name]
        weights[name] = maps[count:] if config.common else maps[:count].mean(0, keepdim=True)
    one = NETWORKS[config.network](**config.arguments).to(maps.device).eval()
    one.load_state_dict(weights)
    return one
