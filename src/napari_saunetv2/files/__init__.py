"""Image, mask and probability files: one reader for every door, and writing without harm."""

from napari_saunetv2.files._contents import MAX_UNPACKED
from napari_saunetv2.files.reading import (
    READABLE,
    Labels,
    Reading,
    load_image,
    load_labels,
    load_mask,
    load_probability,
    read_image,
    read_mask,
    read_probability,
    readable,
)
from napari_saunetv2.files.spacing import Spacing, read_spacing
from napari_saunetv2.files.writing import (
    make_folder,
    reason,
    unwritten,
    write_beside,
    write_image,
    write_mask,
    write_probability,
)

__all__ = [
    "MAX_UNPACKED",
    "READABLE",
    "Labels",
    "Reading",
    "Spacing",
    "load_image",
    "load_labels",
    "load_mask",
    "load_probability",
    "make_folder",
    "read_image",
    "read_mask",
    "read_probability",
    "read_spacing",
    "readable",
    "reason",
    "unwritten",
    "write_beside",
    "write_image",
    "write_mask",
    "write_probability",
]
