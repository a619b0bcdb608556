"""Where the network runs."""

from collections.abc import Generator
from contextlib import contextmanager

import torch

from napari_saunetv2.errors import DeviceError


def resolve(name: str = "auto") -> torch.device:
    """Turn a device's name into a device of this machine.

    Parameters
    ----------
    name : str
        "auto" (a GPU where there is one, else the CPU), "cpu", "cuda", "cuda:1", "mps".

    Raises
    ------
    DeviceError
        When this machine has no such device.
    """
    if name == "auto":
        return torch.device("cuda" if _has("cuda") else "mps" if _has("mps") else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f"There is no device '{name}': choose {', '.join(available())}.") from error
    if not _has(device.type) or (device.index or 0) >= _count(device.type):
        raise DeviceError(f"This machine has no device '{name}': choose {', '.join(available())}.")
    return device


def available() -> list[str]:
    """Names of the devices of this machine, "auto" first."""
    gpus = [f"cuda:{n}" for n in range(_count("cuda"))] if _has("cuda") else []
    return ["auto", "cpu", *gpus, *(["mps"] if _has("mps") else [])]


def prefers_bfloat16(device: torch.device) -> bool:
    """Whether a device has instructions for bfloat16: without them it is slower than float32, not faster."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):  # torch 2.10 and later
        can = torch.cpu.get_capabilities()
        return bool(can.get("avx512_bf16") or can.get("amx_bf16") or can.get("bf16"))
    return False


@contextmanager
def enough_memory(device: torch.device) -> Generator[None]:
    """Raise DeviceError where the work inside finds too little memory: torch tells it in many ways."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        told = str(error).lower()
        if isinstance(error, RuntimeError) and not (
            "memory" in told and ("alloc" in told or "out of" in told)
        ):
            raise
        raise DeviceError(
            f"The device '{device}' has too little memory free for this: take smaller tiles or crops, "
            "another device, or end what else uses it."
        ) from error


def _has(kind: str) -> bool:
    return kind == "cpu" or (
        (kind == "cuda" and torch.cuda.is_available())
        or (kind == "mps" and torch.backends.mps.is_available())
    )


def _count(kind: str) -> int:
    return torch.cuda.device_count() if kind == "cuda" else 1
