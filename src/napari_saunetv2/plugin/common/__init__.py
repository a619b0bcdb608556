"""What several widgets share: jobs, layers, windows, the list of models."""
