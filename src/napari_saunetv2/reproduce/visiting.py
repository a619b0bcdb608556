"""A comparison of the Compare visits widget as Python code and as a command line with the same numbers."""

from dataclasses import dataclass
from pathlib import Path

from napari_saunetv2.config import InferenceConfig
from napari_saunetv2.reproduce import _command, _script


@dataclass(frozen=True)
class VisitOf:
    """A visit, with expressions or files of its arrays.

    Attributes
    ----------
    name : str
    photograph, vessels : str or Path or None
        Python expressions for arrays, or files; None where there is none. Without vessels the photograph is
        segmented.
    spacing : float, optional
        Micrometres per pixel.
    eye : "left", "right" or ""
    """

    name: str
    photograph: str | Path | None
    vessels: str | Path | None
    spacing: float | None = None
    eye: str = ""

    def code(self, settings: str) -> str:
        """Return the Python expression that makes the visit, of expressions."""
        about = f"About({self.name!r}, {self.spacing!r}, {self.eye!r})"
        if self.vessels is None:
            return f"segmented({self.photograph}, InferenceConfig({settings}), {about})"
        return f"masked({self.vessels}, {about}{'' if self.photograph is None else f', {self.photograph}'})"


@dataclass(frozen=True)
class Visiting:
    """All that determines a comparison of two visits.

    Attributes
    ----------
    earlier, later : VisitOf
    config : InferenceConfig
    """

    earlier: VisitOf
    later: VisitOf
    config: InferenceConfig

    def as_python(self) -> str:
        """Return Python code that defines ``found`` and prints its table; ``np`` is imported."""
        given = {"model": self.config.model, **self.config.options()}
        usual = {"model": InferenceConfig().model, **InferenceConfig().options()}
        settings = ", ".join(f"{name}={value!r}" for name, value in given.items() if value != usual[name])
        return _script(
            "import numpy as np",
            "from napari_saunetv2.config import InferenceConfig",
            "from napari_saunetv2.visits import About, compare, masked, segmented",
            "",
            f"earlier = {self.earlier.code(settings)}",
            f"later = {self.later.code(settings)}",
            "found = compare(earlier, later)",
            "print(found.registration.in_words(), *found.warnings, sep='\\n')",
            "print(found.segments)  # also: found.summary, found.difference, found.labels",
        )

    def as_command(self) -> str:
        """Return the command that writes pictures and tables to ``results/``, of files."""
        words: list[object] = ["visits"]
        words += [one.photograph or one.vessels for one in (self.earlier, self.later)]
        words += ["--out", "results"]
        for option, one in (("--earlier-vessels", self.earlier), ("--later-vessels", self.later)):
            words += [option, one.vessels] if one.photograph is not None and one.vessels is not None else []
        for option, one in (("--spacing", self.earlier), ("--later-spacing", self.later)):
            words += [option, "none" if one.spacing is None else repr(one.spacing)]
        words += ["--model", self.config.model, "--device", self.config.device]
        return _command(*words)
