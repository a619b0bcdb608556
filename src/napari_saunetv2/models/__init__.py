"""Models: what a file says of itself, models by name, weights, and where a model comes from."""
