"""A name for the processor, because measurements hold only for the one they were made on."""

import hashlib
import os
import platform
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from pathlib import Path

LIMITS = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
"""Environment variables that make torch and oneDNN ignore instructions of the processor."""

_INSTRUCTIONS = ("amx", "asimd", "avx", "bf16", "f16c", "fma", "fphp", "i8mm", "sme", "sse", "ssse", "sve")
"""Beginnings of the names of what engines compute with, on x86 and ARM; a kernel's update adds others."""


@lru_cache(maxsize=8)
def fingerprint(device: str) -> str:
    """Fingerprint of the processor of a device: twelve hexadecimal digits."""
    if device.startswith("cuda"):
        import torch

        parts = [torch.cuda.get_device_name(device)]
    else:
        parts = [processor(), platform.machine(), *_instructions()]
    parts += [f"{name}={os.environ[name]}" for name in LIMITS if name in os.environ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def processor() -> str:
    """Name of the processor, as reported by the system."""
    return next(_told("model name"), None) or platform.processor() or platform.machine()


def _instructions() -> list[str]:
    """Names of the instruction sets; where the system does not list them, as torch does (2.10 and later)."""
    told = next(chain(_told("flags"), _told("Features")), "").split()
    if told:
        return sorted(name for name in told if name.startswith(_INSTRUCTIONS))
    import torch  # seconds, but on Windows and macOS nothing else knows

    can = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return [
        torch.backends.cpu.get_cpu_capability(),
        *sorted(name for name, has in can.items() if has is True),
    ]


def _told(field: str) -> Iterator[str]:
    """Values of a field of Linux's description of the processor, one for every core."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return
    yield from (line.split(":", 1)[1].strip() for line in lines if line.split(":")[0].strip() == field)
