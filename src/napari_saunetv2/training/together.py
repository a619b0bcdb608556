"""One training in several processes, each with its share of every batch: the same steps as in one process.

torch's DistributedDataParallel minimises the mean of the processes' own losses, which is another loss: MCC is
counted over the whole batch. Here every process computes the loss of the whole batch, and the gradient that
comes to it through its own share; their sum is the gradient that one process would find.

Started by ``torchrun``; in a process by itself all of this does nothing.
"""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from napari_saunetv2.engines import devices
from napari_saunetv2.errors import DeviceError, SaunetError, SettingsError, Stopped
from napari_saunetv2.networks._blocks import DropBlock2d

PATIENCE = timedelta(hours=2)
"""That the others wait for the first process: it alone validates."""

_OVER, _STOPPED = -1.0, -2.0
_LOG = logging.getLogger(__name__)


@contextmanager
def launched(device: str = "auto") -> Iterator[str]:
    """Meet the other processes that torchrun started, if it did; gives the device of this one.

    Raises
    ------
    DeviceError
        When this machine has fewer GPUs than processes, or a process was lost on the way.
    """
    if not dist.is_torchelastic_launched():
        yield device
        return
    if devices.resolve(device).type == "cuda":
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(devices.resolve(device))
    # Collectives of tensors on the CPU go through gloo, those on a GPU through NCCL.
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.startswith("cuda") else "gloo", timeout=PATIENCE)
    try:
        yield device
    except Exception as error:
        if not leads() and not isinstance(error, Stopped):
            time.sleep(3)  # what the first process fails from too, it tells, and torchrun ends this one
            _LOG.error("Process %d of the training failed: %s", dist.get_rank(), error)
        if isinstance(error, RuntimeError) and not isinstance(error, SaunetError) and _lost(error):
            raise DeviceError(
                "Another process of this training ended, and none goes on without it: see what it said, then "
                "start the same command with --resume."
            ) from error
        raise
    finally:
        dist.destroy_process_group()


def size() -> int:
    """Count the processes of the training."""
    return dist.get_world_size() if dist.is_initialized() else 1


def leads() -> bool:
    """Whether this is the first process: the one that validates, writes and reports."""
    return not dist.is_initialized() or dist.get_rank() == 0


def share(batch: int) -> slice:
    """Give the views of a batch that are this process's own; raises SettingsError for uneven shares."""
    if batch % size():
        raise SettingsError(
            f"batch is {batch}: {size()} processes cannot share it evenly, start fewer or set --batch to a "
            f"multiple of {size()}."
        )
    own = batch // size()
    first = own * (dist.get_rank() if dist.is_initialized() else 0)
    return slice(first, first + own)


def prepare(network: nn.Module) -> None:
    """Let a network's parts that look at more than one view look at all of the batch, in place."""
    if size() == 1:
        return
    for parent in list(network.modules()):
        for name, part in parent.named_children():
            if isinstance(part, DropBlock2d):
                part.share = (dist.get_rank(), size())
            elif isinstance(part, nn.BatchNorm2d):
                setattr(parent, name, _BatchNorm(part))


def gathered(part: Tensor) -> Tensor:
    """Join the processes' shares of a batch; gradients go to this one's own alone."""
    if size() == 1:
        return part
    part = part.contiguous()
    parts = [torch.empty_like(part) for _ in range(size())]
    dist.all_gather(parts, part.detach())
    parts[dist.get_rank()] = part
    return torch.cat(parts)


def sum_gradients(network: nn.Module) -> None:
    """Add up what the processes' shares give to the gradients."""
    if size() == 1:
        return
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    whole_ones = torch.split(flat, [gradient.numel() for gradient in gradients])
    for gradient, whole in zip(gradients, whole_ones, strict=True):
        gradient.copy_(whole.view_as(gradient))


def told(number: float) -> float:
    """Give what the first process says, in all of them; the others wait for it."""
    if size() == 1:
        return number
    said = torch.tensor(number, dtype=torch.float64)
    dist.broadcast(said, 0)
    return float(said)


@contextmanager
def leading() -> Iterator[None]:
    """Let the others go at the end of the steps. One that ends within a step takes them with it."""
    try:
        yield
    except GeneratorExit:
        told(_STOPPED)
        raise
    told(_OVER)


def led() -> Iterator[float]:
    """Give the first process's clock for every step it begins, until the last; raises Stopped if it was."""
    while (seconds := told(0.0)) >= 0:
        yield seconds
    if seconds == _STOPPED:
        raise Stopped("The training was stopped before it was done; --resume goes on from there.")


class _Sum(torch.autograd.Function):
    """Sum of a tensor over the processes: each of them lets its part of the loss look at every share."""

    @staticmethod
    def forward(_: Any, part: Tensor) -> Tensor:
        whole = part.detach().clone()
        dist.all_reduce(whole)
        return whole

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        whole = gradient.clone()
        dist.all_reduce(whole)
        return whole


def _summed(part: Tensor) -> Tensor:
    whole: Tensor = _Sum.apply(part)  # type: ignore[no-untyped-call]
    return whole


class _BatchNorm(nn.BatchNorm2d):
    """BatchNorm over all processes' shares; torch's own does that on GPUs alone."""

    def __init__(self, part: nn.BatchNorm2d) -> None:
        super().__init__(part.num_features, part.eps, part.momentum)
        self.weight, self.bias = part.weight, part.bias
        for name, buffer in part.named_buffers():
            setattr(self, name, buffer)
        self.train(part.training)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, C, H, W) in and out."""
        if not self.training:
            return super().forward(x)
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        x_ = x.float()
        mean = _summed(x_.mean((0, 2, 3))) / size()
        away = x_ - mean[:, None, None]
        variance = _summed((away**2).mean((0, 2, 3))) / size()
        count = x.numel() // x.shape[1] * size()
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        normal: Tensor = away * scale[:, None, None] + self.bias[:, None, None]
        return normal.to(x.dtype)


def _lost(error: RuntimeError) -> bool:
    text = str(error).lower()
    return isinstance(error, dist.DistError) or "gloo" in text or "connection" in text
