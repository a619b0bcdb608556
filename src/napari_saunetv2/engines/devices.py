"""Where the network runs; torch, which takes seconds to import, is imported where it must be asked."""

import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from napari_saunetv2.engines import _gpus
from napari_saunetv2.errors import DeviceError, OutOfMemoryError

if TYPE_CHECKING:
    import torch

Asked = ParamSpec("Asked")
Yielded = TypeVar("Yielded")
Result = TypeVar("Result")


def avoid_triton(maps: Path = Path("/proc/self/maps")) -> None:
    """Disable triton in torch where importing it would crash the program.

    Mesa, which draws windows on Linux, contains one copy of LLVM, and triton, which comes with torch's builds
    for NVIDIA, another: loading both is a segmentation fault. torch looks for triton when the first optimiser
    is made, and nothing here needs it.

    Parameters
    ----------
    maps : Path
        Linux's list of the libraries loaded into this process; other systems have no such file.
    """
    if "triton" in sys.modules:
        return
    with suppress(OSError):
        if "libLLVM" in maps.read_text(errors="replace"):
            sys.modules["triton"] = None  # type: ignore[assignment]  # what is None cannot be imported


def resolve(name: str = "auto") -> "torch.device":
    """Resolve a device name to a device of this machine.

    Parameters
    ----------
    name : str
        "auto" (a GPU where there is one, else the CPU), "cpu", "cuda", "cuda:1", "mps".

    Raises
    ------
    DeviceError
        If this machine has no such device.
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if _has("cuda") else "mps" if _has("mps") else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f"There is no device '{name}': choose {', '.join(available())}.") from error
    if not _has(device.type) or (device.index or 0) >= _count(device.type):
        raise DeviceError(f"This machine has no device '{name}': choose {', '.join(available())}.")
    return device


def resolved(name: str = "auto") -> str:
    """Name of the device that :func:`resolve` gives, without torch where there is certainly no GPU."""
    if name == "cpu" or (name == "auto" and not _gpus.perhaps()):
        return "cpu"
    return str(resolve(name))


def available() -> list[str]:
    """Names of the devices of this machine, "auto" first."""
    gpus = [f"cuda:{n}" for n in range(_count("cuda"))] if _has("cuda") else []
    return ["auto", "cpu", *gpus, *(["mps"] if _has("mps") else [])]


@contextmanager
def sparing_a_core() -> Iterator[None]:
    """Leave one core free while torch works in this thread, so that the window stays responsive."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, threads - 1))
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def prefers_bfloat16(device: "torch.device") -> bool:
    """Whether a device has instructions for bfloat16: without them it is slower than float32, not faster."""
    import torch

    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):  # torch 2.10 and later
        can = torch.cpu.get_capabilities()
        return bool(can.get("avx512_bf16") or can.get("amx_bf16") or can.get("bf16"))
    return False


def raise_on_out_of_memory(
    work: Callable[Asked, Generator[Yielded, None, Result]],
) -> Callable[Asked, Generator[Yielded, None, Result]]:
    """Make a generator raise OutOfMemoryError if memory runs out; torch reports it in several ways."""

    @wraps(work)
    def guarded(*args: Asked.args, **kwargs: Asked.kwargs) -> Generator[Yielded, None, Result]:
        with naming_out_of_memory(str(kwargs.get("device", "auto"))):
            return (yield from work(*args, **kwargs))

    return guarded


@contextmanager
def naming_out_of_memory(device: str) -> Iterator[None]:
    """Raise OutOfMemoryError with the device's name where memory runs out inside."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemoryError(
            f"The device '{device}' has too little free memory for this: use smaller tiles or crops, choose "
            "another device, or close other programs."
        ) from error


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error means out of memory: on a CPU and on MPS torch has no separate exception."""
    # torch's own is told by its name: torch may not be loaded.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error).lower()
    return "memory" in text and any(word in text for word in ("alloc", "out of", "not enough"))


def _has(kind: str) -> bool:
    import torch

    return kind == "cpu" or (
        (kind == "cuda" and torch.cuda.is_available())
        or (kind == "mps" and torch.backends.mps.is_available())
    )


def _count(kind: str) -> int:
    import torch

    return torch.cuda.device_count() if kind == "cuda" else 1
