"""Metadata keys that identify layers of this plugin."""

ROLE = "saunetv2 role"
"""Key in a layer's metadata that marks results."""


CLASSES = "saunetv2 classes"
"""Key in the metadata of a label layer: the classes that its labels are sums of."""
NOT_VESSELS = ("agreement", "segments", "marks", "difference", "changes")
"""Roles of labels that show an evaluation, a measurement or a comparison, and are no mask."""

OF = "saunetv2 image"
"""Key in a result's metadata: the name of its image."""
