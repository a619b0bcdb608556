"""Retinal vessel segmentation with SA-UNetv2: a napari plugin, a Python package and a command line.

Importing this package loads neither torch nor napari: take what you need from its modules, for example
``from napari_saunetv2.inference import segment``.
"""

try:
    from napari_saunetv2._version import __version__
except ImportError:  # a source tree that was never built
    __version__ = "0+unknown"

NO_DEVICE = "Research software, no medical device."

__all__ = ["NO_DEVICE", "__version__"]
