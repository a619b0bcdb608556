"""Two visits: an eye's photographs laid over each other, and the change of its vessels with its doubt."""

from napari_saunetv2.visits.comparison import Comparison, compare
from napari_saunetv2.visits.photograph import About, masked, segmented
from napari_saunetv2.visits.registration import Registration, register
from napari_saunetv2.visits.segments import SEGMENT_COLUMNS
from napari_saunetv2.visits.summary import SUMMARY_COLUMNS
from napari_saunetv2.visits.visit import Visit

__all__ = [
    "SEGMENT_COLUMNS",
    "SUMMARY_COLUMNS",
    "About",
    "Comparison",
    "Registration",
    "Visit",
    "compare",
    "masked",
    "register",
    "segmented",
]
