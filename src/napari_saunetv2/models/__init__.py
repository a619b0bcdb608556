"""Model files: header, list of models, weights, and lineage."""
