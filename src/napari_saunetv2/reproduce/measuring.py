"""A measurement of the Measure widget as Python code and as a command line with the same numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from napari_saunetv2.measure.regions import Landmarks
from napari_saunetv2.measure.units import DISC_DIAMETER, Scale
from napari_saunetv2.reproduce import _command, _script


@dataclass(frozen=True)
class Measuring:
    """All that determines the numbers of an image, beside its pixels.

    Attributes
    ----------
    landmarks : Landmarks
    scale : Scale
    classes : bool
        Whether the labels are 1 for arteries, 2 for veins and 3 for both.
    unjudged : bool
        Whether the labels mark pixels that nobody judged.
    threshold : float, optional
        At which the probability gave the mask, where that is known.
    """

    landmarks: Landmarks
    scale: Scale
    classes: bool = False
    unjudged: bool = False
    threshold: float | None = None

    def as_python(self, vessels: str, *, photograph: str = "", probability: str = "", fov: str = "") -> str:
        """Return Python code that defines ``found`` and prints its table.

        Parameters
        ----------
        vessels, photograph, probability, fov : str
            Expressions for arrays, "" for none; ``np`` is imported. As ``fov`` also "auto".
        """
        given = {"probability": probability, "photograph": "photograph" if photograph else ""}
        seen = "field_of_view.detect(photograph)" if fov == "auto" else fov
        if self.unjudged:
            seen = f"({seen} != 0) & ~ignored" if seen else "~ignored"
        if self.classes:
            given |= {"arteries": "np.isin(vessels, (1, 3))", "veins": "np.isin(vessels, (2, 3))"}
        given |= {"fov": seen, **{name: repr(value) for name, value in self._options().items()}}
        modules = {
            "from napari_saunetv2.imaging import field_of_view": fov == "auto",
            "from napari_saunetv2.imaging.ignored import judged": self.unjudged,
            "from napari_saunetv2.imaging.intensity import to_unit": bool(photograph),
        }
        return _script(
            "import numpy as np",
            *(line for line, needed in modules.items() if needed),
            "from napari_saunetv2.measure import measure",
            "",
            f"vessels = {vessels}",
            *(["vessels, ignored = judged(vessels)"] if self.unjudged else []),
            *([f"photograph = to_unit({photograph})"] if photograph else []),
            "found = measure(",
            "    vessels,",
            *(f"    {name}={value}," for name, value in given.items() if value),
            ")",
            "print(found.image)  # also: found.segments, found.junctions, found.labels",
        )

    def as_command(self, files: Mapping[str, Path]) -> str:
        """Return the command that writes the tables to ``results/``.

        Parameters
        ----------
        files : mapping of str to Path
            File of the "vessels", and as far as there are any of "arteries", "veins", "photograph",
            "probability" and "fov".
        """
        words: list[object] = ["measure", files["vessels"], "--out", "results"]
        for name, file in files.items():
            words += [] if name == "vessels" else [f"--{name}", file]
        options = self._options()
        for name, place in (("disc", self.landmarks.disc), ("fovea", self.landmarks.fovea)):
            words += [f"--{name}", "none" if place is None else ",".join(map(repr, place))]
        words += ["--spacing", options.get("spacing", "none")]
        for name in ("threshold", "disc_diameter"):
            words += [f"--{name.replace('_', '-')}", options[name]] if name in options else []
        return _command(*words)

    def _options(self) -> dict[str, object]:
        """Arguments of ``measure`` that differ from its defaults."""
        disc, fovea, scale = self.landmarks.disc, self.landmarks.fovea, self.scale
        wanted: dict[str, object] = {
            "disc": None if disc is None else tuple(disc),
            "fovea": None if fovea is None else tuple(fovea),
            "spacing": scale.spacing,
            "threshold": self.threshold,
            "disc_diameter": None if scale.disc_diameter == DISC_DIAMETER else scale.disc_diameter,
        }
        return {name: value for name, value in wanted.items() if value is not None}
