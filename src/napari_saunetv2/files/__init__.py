"""Image, mask and probability files: one reader for the whole program, and safe writing."""

from napari_saunetv2.files._contents import MAX_UNPACKED
from napari_saunetv2.files._size import Spacing
from napari_saunetv2.files._tiff import channels_first
from napari_saunetv2.files.dicom import Acquisition, read_acquisition, read_frames
from napari_saunetv2.files.reading import (
    READABLE,
    Labels,
    Reading,
    is_photograph,
    is_turned,
    load_image,
    load_labels,
    load_mask,
    load_prediction,
    load_probability,
    load_values,
    read_image,
    read_labels,
    read_mask,
    read_prediction,
    read_probability,
    read_values,
    readable,
)
from napari_saunetv2.files.spacing import read_spacing
from napari_saunetv2.files.writing import (
    is_own_mask,
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
    "Acquisition",
    "Labels",
    "Reading",
    "Spacing",
    "channels_first",
    "is_own_mask",
    "is_photograph",
    "is_turned",
    "load_image",
    "load_labels",
    "load_mask",
    "load_prediction",
    "load_probability",
    "load_values",
    "make_folder",
    "read_acquisition",
    "read_frames",
    "read_image",
    "read_labels",
    "read_mask",
    "read_prediction",
    "read_probability",
    "read_spacing",
    "read_values",
    "readable",
    "reason",
    "unwritten",
    "write_beside",
    "write_image",
    "write_mask",
    "write_probability",
]
