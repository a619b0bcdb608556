"""Installed engines and devices, listed without loading torch, which takes seconds."""

import sys
from importlib.util import find_spec

PACKAGES = {"torch": "torch", "openvino": "openvino", "onnx": "onnxruntime"}
"""Package of each engine."""


def engines() -> list[str]:
    """Names of the installed engines, "auto" first."""
    return ["auto", *(name for name, package in PACKAGES.items() if find_spec(package))]


def devices(wanted: str = "auto") -> list[str]:
    """Names of the devices of this machine; until torch is loaded, only the CPU and the requested one."""
    if "torch" not in sys.modules:
        return list(dict.fromkeys(["auto", "cpu", wanted]))
    from napari_saunetv2.engines.devices import available

    return available()
