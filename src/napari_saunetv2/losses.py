"""What training minimises."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor


def soft_mcc(probability: Tensor, truth: Tensor) -> Tensor:
    """Matthews correlation of probabilities and truth, counted over the whole batch.

    Parameters
    ----------
    probability, truth : tensor, same shape, range [0, 1]

    Returns
    -------
    tensor, scalar, [-1, 1]
        For values 0 and 1 only, the correlation coefficient of the confusion matrix.

    References
    ----------
    Abhishek and Hamarneh, "Matthews correlation coefficient loss for deep convolutional networks", 2021.
    """
    # MCC is Pearson's correlation of the two; in means, so that no product of four pixel counts overflows.
    both = (probability * truth).mean()
    p, t = probability.mean(), truth.mean()
    spread = p * (1 - p) * t * (1 - t)
    return (both - p * t) / torch.sqrt(spread + 1e-12)


def bce_mcc(logits: Tensor, truth: Tensor) -> Tensor:
    """The published loss of SA-UNetv2: 0.5 BCE + 0.5 (1 - MCC).

    Parameters
    ----------
    logits : tensor, shape (N, 1, H, W)
    truth : tensor, shape (N, 1, H, W), range [0, 1]

    Returns
    -------
    tensor, scalar

    References
    ----------
    Guo et al., "SA-UNetv2", arXiv 2509.11774, 2025.
    """
    logits, truth = logits.float(), truth.float()
    bce = F.binary_cross_entropy_with_logits(logits, truth)
    return 0.5 * bce + 0.5 * (1 - soft_mcc(logits.sigmoid(), truth))


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "bce_mcc": bce_mcc,
    "bce": F.binary_cross_entropy_with_logits,
}
