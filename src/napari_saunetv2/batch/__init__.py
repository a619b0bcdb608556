"""Many images: a folder, a data set, or a cluster of computers."""

from napari_saunetv2.batch.images import Summary, Wanted, segment_steps

__all__ = ["Summary", "Wanted", "segment_steps"]
