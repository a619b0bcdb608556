"""A cascade for arteries and veins: one network finds the vessels, a second one classifies them."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from napari_saunetv2.networks._blocks import Fold, Unfold
from napari_saunetv2.networks.saunetv2 import SAUNetV2

STEEPNESS = 16.0
"""How fast the probability of the less probable class falls from that of a vessel to its own."""


class ArteryVein(nn.Module):
    """SA-UNetv2 for the vessels, then another one that says which of them are arteries and which veins.

    The second network sees the photograph and the vessels, folded to half the height and width: at a quarter
    of the work it sees twice as far, and what decides an artery is far away: the tree that it belongs to. It
    is trained on vessels only (:attr:`training` is True), independently of how many of them are found.

    Parameters
    ----------
    in_channels : int
        Channels of the image.
    classes : int
        Classes of vessel, each with its own map; they may overlap, as where two vessels cross.
    widths : sequence of int
        Channels of the second network; see :class:`SAUNetV2`.
    dropblock : float, [0, 1)
        Of the second network; the first one is not trained.
    """

    steepness = STEEPNESS
    """By how much the network enlarges rounding where its classes are nearly equal."""

    def __init__(
        self,
        *,
        in_channels: int = 3,
        classes: int = 2,
        widths: Sequence[int] = (16, 32, 48, 64),
        dropblock: float = 0.05,
    ) -> None:
        super().__init__()
        self.vessels = SAUNetV2(in_channels=in_channels, dropblock=0.0)
        self.fold = Fold()
        self.classes = SAUNetV2(
            in_channels=4 * (in_channels + 1), classes=4 * classes, widths=widths, dropblock=dropblock
        )
        self.unfold = Unfold()
        self.lead = nn.Conv2d(classes, classes, 1, bias=False).requires_grad_(requires_grad=False)
        nn.init.constant_(self.lead.weight, -self.steepness / max(1, classes - 1))
        for number in range(classes):
            self.lead.weight[number, number] = self.steepness

    def start_from(self, weights: Mapping[str, Tensor]) -> None:
        """Start both networks from the weights of a SA-UNetv2 that knows vessels.

        The second one sees them at half the resolution, where the mean of a block stands for the photograph.
        """
        self.vessels.load_state_dict(weights)
        own = self.classes.state_dict()
        fitting = {name: w for name, w in weights.items() if w.shape == own[name].shape}
        first, kernel = own["encoder.0.0.0.weight"].clone(), weights["encoder.0.0.0.weight"]
        blocks = first.view(len(first), 4, -1, *first.shape[2:])  # pixel of a block, then channel
        if len(kernel) == len(first):
            blocks[:, :, : kernel.shape[1]] = kernel[:, None] / 4
        self.classes.load_state_dict({**own, **fitting, "encoder.0.0.0.weight": first})

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, classes, H, W) of an image (N, in_channels, H, W), range [0, 1], sides multiples of 16.

        In training they are the classes of what is a vessel, whether or not it was found. Otherwise no class
        is more probable than a vessel: the more probable class is as probable, unless the two are nearly
        equal, and the other one has its own logit. A pixel is a vessel (logit above 0) if and only if one of
        its classes is.
        """
        with torch.no_grad():  # it was trained on many more photographs than these
            vessel = self.vessels(x)
        seen = torch.cat([x, torch.sigmoid(vessel)], dim=1)
        logits: Tensor = self.unfold(self.classes(self.fold(seen)))
        if self.training:
            return logits
        return torch.minimum(vessel, torch.maximum(logits, self.lead(logits)))
