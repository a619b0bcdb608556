"""Metadata keys that identify layers of this plugin."""

ROLE = "saunetv2 role"
"""Key in a layer's metadata that marks results."""


CLASSES = "saunetv2 classes"
"""Key in the metadata of a label layer: the classes that its labels are sums of."""

OF = "saunetv2 image"
"""Key in a result's metadata: the name of its image."""
