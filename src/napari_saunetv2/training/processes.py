"""One training in several processes, each with its share of every batch: the same steps as in one process.

torch's DistributedDataParallel minimises the mean of the processes' losses, which is a different loss: MCC is
computed over the whole batch. Here every process computes the loss of the whole batch and the gradient
through its own share; their sum is the gradient of a single process.

Started by ``torchrun``; with a single process none of this has an effect.
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
"""Timeout of the other processes while the main process validates."""

_OVER, _STOPPED = -1.0, -2.0
_LOG = logging.getLogger(__name__)


@contextmanager
def launched(device: str = "auto") -> Iterator[str]:
    """Join the processes started by torchrun, if any; yields the device of this one.

    Raises
    ------
    DeviceError
        If this machine has fewer GPUs than processes, or a process was lost.
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
        if not is_main_process() and not isinstance(error, Stopped):
            time.sleep(3)  # the main process reports its own error, and torchrun ends this one
            _LOG.error("Process %d of the training failed: %s", dist.get_rank(), error)
        if isinstance(error, RuntimeError) and not isinstance(error, SaunetError) and _lost(error):
            raise DeviceError(
                "Another process of this training ended, so none can continue: check its message, then run "
                "the same command with --resume."
            ) from error
        raise
    finally:
        dist.destroy_process_group()


def size() -> int:
    """Count the processes of the training."""
    return dist.get_world_size() if dist.is_initialized() else 1


def is_main_process() -> bool:
    """Whether this is the main process, which validates, writes and reports."""
    return not dist.is_initialized() or dist.get_rank() == 0


def share(batch: int) -> slice:
    """Return this process's share of a batch; raises SettingsError for uneven shares."""
    if batch % size():
        raise SettingsError(
            f"batch is {batch}: {size()} processes cannot share it evenly; start fewer processes or set "
            f"--batch to a multiple of {size()}."
        )
    own = batch // size()
    first = own * (dist.get_rank() if dist.is_initialized() else 0)
    return slice(first, first + own)


def prepare(network: nn.Module) -> None:
    """Make layers that use several views use the whole batch, in place."""
    if size() == 1:
        return
    for parent in list(network.modules()):
        for name, part in parent.named_children():
            if isinstance(part, DropBlock2d):
                part.share = (dist.get_rank(), size())
            elif isinstance(part, nn.BatchNorm2d):
                setattr(parent, name, _BatchNorm(part))


def gathered(part: Tensor) -> Tensor:
    """Join the processes' shares of a batch; gradients flow only to this process's share."""
    if size() == 1:
        return part
    part = part.contiguous()
    parts = [torch.empty_like(part) for _ in range(size())]
    dist.all_gather(parts, part.detach())
    parts[dist.get_rank()] = part
    return torch.cat(parts)


def sum_gradients(network: nn.Module) -> None:
    """Sum the gradients over the processes."""
    if size() == 1:
        return
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    whole_ones = torch.split(flat, [gradient.numel() for gradient in gradients])
    for gradient, whole in zip(gradients, whole_ones, strict=True):
        gradient.copy_(whole.view_as(gradient))


def broadcast(number: float) -> float:
    """Return the main process's number in all processes; the others wait for it."""
    if size() == 1:
        return number
    value = torch.tensor(number, dtype=torch.float64)
    dist.broadcast(value, 0)
    return float(value)


@contextmanager
def leading() -> Iterator[None]:
    """Release the other processes at the end; if the main process fails within a step, they end too."""
    try:
        yield
    except GeneratorExit:
        broadcast(_STOPPED)
        raise
    broadcast(_OVER)


def follow() -> Iterator[float]:
    """Yield the main process's clock for each of its steps; raises Stopped if it was stopped."""
    while (seconds := broadcast(0.0)) >= 0:
        yield seconds
    if seconds == _STOPPED:
        raise Stopped("The training was stopped before it was done; --resume continues from there.")


class _Sum(torch.autograd.Function):
    """Differentiable sum of a tensor over the processes."""

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
    """BatchNorm over all processes' shares; torch's own version works only on GPUs."""

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
