"""A name for the processor, because measurements hold only for the one they were made on."""

import hashlib
import os
import platform
from functools import lru_cache
from pathlib import Path

import torch

LIMITS = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
"""Environment variables that make torch and oneDNN ignore instructions of the processor."""


@lru_cache(maxsize=8)
def fingerprint(device: str) -> str:
    """Fingerprint of the processor of a device: twelve hexadecimal digits."""
    if device.startswith("cuda"):
        parts = [torch.cuda.get_device_name(device)]
    else:
        parts = [processor(), platform.machine(), torch.backends.cpu.get_cpu_capability(), *_instructions()]
    parts += [f"{name}={os.environ[name]}" for name in LIMITS if name in os.environ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def processor() -> str:
    """Name of the processor, as reported by the system."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _instructions() -> list[str]:
    """Names of the instruction sets, if torch reports them (2.10 and later)."""
    if not hasattr(torch.cpu, "get_capabilities"):
        return []
    return sorted(name for name, has in torch.cpu.get_capabilities().items() if has is True)
