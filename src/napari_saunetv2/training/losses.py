"""Training losses, over all pixels, or weighted if only some are annotated."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor


def soft_mcc(probability: Tensor, truth: Tensor, weight: Tensor | None = None) -> Tensor:
    """Matthews correlation of probabilities and truth, counted over the whole batch.

    Parameters
    ----------
    probability, truth : tensor, same shape, range [0, 1]
    weight : tensor, same shape, range [0, 1], optional
        Weight of each pixel.

    Returns
    -------
    tensor, scalar, [-1, 1]
        For values 0 and 1 only, the correlation coefficient of the confusion matrix.

    References
    ----------
    Abhishek and Hamarneh, "Matthews correlation coefficient loss for deep convolutional networks", 2021.
    """
    # MCC is Pearson's correlation of the two; in means, so that no product of four pixel counts overflows.
    both = _mean(probability * truth, weight)
    p, t = _mean(probability, weight), _mean(truth, weight)
    spread = p * (1 - p) * t * (1 - t)
    return (both - p * t) / torch.sqrt(spread + 1e-12)


def bce_mcc(logits: Tensor, truth: Tensor, weight: Tensor | None = None) -> Tensor:
    """The published loss of SA-UNetv2: 0.5 BCE + 0.5 (1 - MCC).

    Parameters
    ----------
    logits : tensor, shape (N, K, H, W)
        For K classes, each against all others: the loss is their mean.
    truth : tensor, shape (N, K, H, W), range [0, 1]
    weight : tensor, shape (N, 1, H, W), range [0, 1], optional
        Weight of each pixel; 0 if not annotated.

    Returns
    -------
    tensor, scalar

    References
    ----------
    Guo et al., "SA-UNetv2", arXiv 2509.11774, 2025.
    """
    logits, truth = logits.float(), truth.float()
    classes = range(logits.shape[1])
    mcc = [soft_mcc(logits[:, k : k + 1].sigmoid(), truth[:, k : k + 1], weight) for k in classes]
    return 0.5 * bce(logits, truth, weight) + 0.5 * (1 - torch.stack(mcc).mean())


def bce(logits: Tensor, truth: Tensor, weight: Tensor | None = None) -> Tensor:
    """Binary cross-entropy; parameters as :func:`bce_mcc`."""
    if weight is None:
        return F.binary_cross_entropy_with_logits(logits, truth)
    return _mean(F.binary_cross_entropy_with_logits(logits, truth, reduction="none"), weight)


def _mean(values: Tensor, weight: Tensor | None) -> Tensor:
    if weight is None:
        return values.mean()
    weight = weight.expand_as(values)
    # A view without annotated pixels has a mean and a gradient of 0.
    return (values * weight).sum() / weight.sum().clamp(min=1e-6)


Loss = Callable[[Tensor, Tensor, Tensor | None], Tensor]

LOSSES: dict[str, Loss] = {"bce_mcc": bce_mcc, "bce": bce}
