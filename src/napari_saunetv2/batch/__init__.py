"""Many images: a folder, a data set, or a cluster of computers."""

from napari_saunetv2.batch.images import OutputOptions, Summary, segment_steps

__all__ = ["OutputOptions", "Summary", "segment_steps"]
