"""Measurements of vessels: from masks to tables of numbers, with their units and their doubt."""

from napari_saunetv2.measure.measurements import IMAGE_COLUMNS, Measurements, measure
from napari_saunetv2.measure.regions import REGIONS, Circle, Landmarks, Point, Region
from napari_saunetv2.measure.rows import JUNCTION_COLUMNS, SEGMENT_COLUMNS
from napari_saunetv2.measure.table import MEASURES, Measure

__all__ = [
    "IMAGE_COLUMNS",
    "JUNCTION_COLUMNS",
    "MEASURES",
    "REGIONS",
    "SEGMENT_COLUMNS",
    "Circle",
    "Landmarks",
    "Measure",
    "Measurements",
    "Point",
    "Region",
    "measure",
]
