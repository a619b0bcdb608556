"""Where the network runs."""

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


def _has(kind: str) -> bool:
    return kind == "cpu" or (
        (kind == "cuda" and torch.cuda.is_available())
        or (kind == "mps" and torch.backends.mps.is_available())
    )


def _count(kind: str) -> int:
    return torch.cuda.device_count() if kind == "cuda" else 1
