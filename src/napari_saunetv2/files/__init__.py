"""Image, mask and probability files: one reader for the whole program, and safe writing."""

from napari_saunetv2.files._contents import MAX_UNPACKED
from napari_saunetv2.files._pictures import picture_size
from napari_saunetv2.files._size import Spacing
from napari_saunetv2.files._tiff import channels_first
from napari_saunetv2.files.artery_vein import (
    ArteryVein,
    load_artery_vein,
    read_artery_vein,
    takes_no_part,
    write_artery_vein,
)
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
    "ArteryVein",
    "Labels",
    "Reading",
    "Spacing",
    "channels_first",
    "is_own_mask",
    "is_photograph",
    "is_turned",
    "load_artery_vein",
    "load_image",
    "load_labels",
    "load_mask",
    "load_prediction",
    "load_probability",
    "load_values",
    "make_folder",
    "picture_size",
    "read_acquisition",
    "read_artery_vein",
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
    "takes_no_part",
    "unwritten",
    "write_artery_vein",
    "write_beside",
    "write_image",
    "write_mask",
    "write_probability",
]
