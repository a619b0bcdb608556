"""The Compare visits widget."""
