"""One photograph of a study, and all of them."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_saunetv2.datasets import Eye

_REASONS = 5


@dataclass(frozen=True)
class Case:
    """A photograph and what is said of it; a file that is left out, and why.

    Attributes
    ----------
    file : Path
    name : str
        The file relative to the study's folder, with "/" between folders.
    patient : str
        "" where nothing says it, as below.
    eye : "left", "right" or None
    date : str
        ISO 8601, such as "2024-05-31".
    visit : str
    spacing : float or None
        Width of a pixel on the retina, micrometres, from a sheet.
    left_out : str
        Why the file is no photograph of the study; "" for one that is.
    """

    file: Path
    name: str
    patient: str = ""
    eye: Eye | None = None
    date: str = ""
    visit: str = ""
    spacing: float | None = None
    left_out: str = ""


@dataclass(frozen=True)
class Cohort:
    """The photographs of a study.

    Attributes
    ----------
    cases : tuple of Case
        By name.
    left_out : tuple of Case
        Files and rows of the sheet that are not part of it, each with its reason.
    remarks : tuple of str
        How folders, names or the sheet were understood, and what is not sure.
    """

    cases: tuple[Case, ...]
    left_out: tuple[Case, ...] = ()
    remarks: tuple[str, ...] = ()

    def in_words(self) -> str:
        """Describe it: "20 photographs of 10 patients, 10 right and 8 left eyes"."""
        patients = len({case.patient for case in self.cases} - {""})
        words = count(self.cases, "photograph")
        words += f" of {patients} patient{'s' * (patients != 1)}" if patients else ""
        eyes = Counter(case.eye for case in self.cases if case.eye)
        return ", ".join([words, *(f"{number} of a {eye} eye" for eye, number in sorted(eyes.items()))])

    def left_out_in_words(self) -> str:
        """Describe what was left out: "3 left out: mask (2), text file (1)", or ""; names are not quoted."""
        reasons = Counter(re.sub("'.*'", "...", case.left_out).rstrip(".") for case in self.left_out)
        common = reasons.most_common(_REASONS)
        listed = ", ".join(f"{reason} ({number})" for reason, number in common)
        listed += ", and others" if len(reasons) > len(common) else ""
        return f"{len(self.left_out)} left out: {listed}" if listed else ""


def count(things: Sequence[object], word: str) -> str:
    """Say how many: "1 photograph", "2 photographs"."""
    return f"{len(things)} {word}{'s' * (len(things) != 1)}"
