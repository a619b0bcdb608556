"""What a layer of ours is, kept in its metadata."""

ROLE = "saunetv2 role"
"""Key in a layer's metadata that tells results from photographs."""


OF = "saunetv2 image"
"""Key in a result's metadata: the name of its image."""
