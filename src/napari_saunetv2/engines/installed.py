"""What there is to choose from on this machine, told without loading torch, which takes seconds."""

import sys
from importlib.util import find_spec

PACKAGES = {"torch": "torch", "openvino": "openvino", "onnx": "onnxruntime"}
"""What each engine is imported from."""


def engines() -> list[str]:
    """Names of the engines that can be chosen here, "auto" first."""
    return ["auto", *(name for name, package in PACKAGES.items() if find_spec(package))]


def devices(wanted: str = "auto") -> list[str]:
    """Names of the devices of this machine; until torch is loaded, the CPU and the one that is wanted."""
    if "torch" not in sys.modules:
        return list(dict.fromkeys(["auto", "cpu", wanted]))
    from napari_saunetv2.engines.devices import available

    return available()
