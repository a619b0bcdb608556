"""A study: every photograph of a folder segmented, measured and judged, in tables and pages."""
