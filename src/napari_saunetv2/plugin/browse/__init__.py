"""The Browse widget."""
