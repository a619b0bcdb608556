"""Retinal vessel segmentation with SA-UNetv2: a napari plugin, a Python package and a command line.

``from napari_saunetv2 import read_image, segment`` is all that most scripts need. Importing the package loads
neither torch nor napari: functions are imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

try:
    from napari_saunetv2._version import __version__
except ImportError:  # a source tree that has not been built
    __version__ = "0+unknown"

DISCLAIMER = "Research software, not a medical device."

__all__ = [
    "DISCLAIMER",
    "__version__",
    "binarise",
    "find_landmarks",
    "load",
    "read_image",
    "segment",
    "segment_classes",
    "write_mask",
]

if TYPE_CHECKING:
    from napari_saunetv2.files import read_image, write_mask
    from napari_saunetv2.inference import binarise, segment, segment_classes
    from napari_saunetv2.inference.landmarks import find_landmarks
    from napari_saunetv2.models.checkpoint import load
else:
    _HOMES = {
        "binarise": "napari_saunetv2.inference",
        "find_landmarks": "napari_saunetv2.inference.landmarks",
        "load": "napari_saunetv2.models.checkpoint",
        "read_image": "napari_saunetv2.files",
        "segment": "napari_saunetv2.inference",
        "segment_classes": "napari_saunetv2.inference",
        "write_mask": "napari_saunetv2.files",
    }

    def __getattr__(name: str) -> Any:
        """Import one of the functions above on first use."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_HOMES[name]), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *_HOMES})
