"""The photographs of a study: file, patient, eye, date and pixel size, from folders, names or a sheet."""

from napari_saunetv2.cohort.case import Case, Cohort
from napari_saunetv2.cohort.listing import read

__all__ = ["Case", "Cohort", "read"]
