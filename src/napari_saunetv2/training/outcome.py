"""The outcome of a training: a small file in its folder, and plain sentences."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from napari_saunetv2.errors import CheckpointError
from napari_saunetv2.files import write_beside
from napari_saunetv2.training.state import LOG, MODEL

FILE = "outcome.json"


@dataclass(frozen=True)
class Corrected:
    """How many of the corrected pixels are right before and after a training.

    Attributes
    ----------
    pixels : int
    before, after : float, [0, 1]
        Share of correct pixels for the base and the new model, each at its best threshold.
    held : Corrected or None
        The same for the validation pixels among them, which were never trained on.
    painted : bool
        True if the user painted on a prediction. If no such prediction is known, these are the validation
        pixels that the base gets wrong, so that ``before`` is 0.
    """

    pixels: int
    before: float
    after: float
    held: "Corrected | None" = None
    painted: bool = True


@dataclass(frozen=True)
class Outcome:
    """Outcome of a training.

    Attributes
    ----------
    model : Path or None
        The model's file; None if no step beat the base: then no file is written.
    log : Path
        Its log as CSV.
    before, after : float or None
        F1 on the validation images of the base and of the best step, each at its best threshold; None without
        validation, or without ``compare_with_base``.
    thresholds : tuple of float
        Best threshold of the base, for each class; empty without validation.
    validated_on : str
        Names of the validation images, or which part of the only one.
    corrected : Corrected or None
    name : str
        Name in the list of models; "" if it is not there.
    """

    model: Path | None
    log: Path
    before: float | None = None
    after: float | None = None
    thresholds: tuple[float, ...] = ()
    validated_on: str = "nothing"
    corrected: Corrected | None = None
    name: str = ""

    @classmethod
    def read(cls, run: Path) -> "Outcome":
        """Read the outcome of the training in a run folder.

        Raises
        ------
        CheckpointError
            If no training has finished there, or the file is damaged.
        """
        path = run / FILE
        try:
            plain: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            found, kept = plain.pop("corrected"), plain.pop("kept")
            plain["thresholds"] = tuple(plain["thresholds"])
            return cls(run / MODEL if kept else None, run / LOG, corrected=_corrected(found), **plain)
        except OSError as error:
            raise CheckpointError(
                f"'{run}' holds no finished training: wait for its end, or continue it with --resume."
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"'{path}' is damaged: continue the run with --resume.") from error

    def write(self, run: Path) -> None:
        """Write it to a run folder, for :meth:`read`."""
        plain = asdict(self) | {"kept": self.model is not None}
        plain = {k: v for k, v in plain.items() if k not in ("model", "log", "name")}
        text = json.dumps(plain, indent=1)
        write_beside(run / FILE, lambda file: file.write(text.encode()), overwrite=True)

    def kept_as(self, name: str, model: Path, log: Path) -> "Outcome":
        """Return a copy with new file paths."""
        return replace(self, name=name, model=model, log=log)

    def describe(self) -> str:
        """Describe the outcome in plain sentences."""
        if self.model is None:
            return " ".join([self._nothing_better(), *self._corrected_in_words()])
        if self.after is None:
            return "It was not validated."
        before = "" if self.before is None else f"{self.before:.4f} before, "
        levels = "at the best threshold of each" if before else "at its best threshold"
        f1 = f"F1 on {self.validated_on}: {before}{self.after:.4f} after, {levels}."
        return " ".join([f1, *self._corrected_in_words()])

    def _nothing_better(self) -> str:
        said = "No step beat the base model; no copy was kept."
        if self.before is None:
            return said
        levels = ", ".join(f"{level:.2f}" for level in self.thresholds)
        return f"{said} Its F1 on {self.validated_on} is {self.before:.4f} at its best threshold, {levels}."

    def _corrected_in_words(self) -> list[str]:
        found = self.corrected
        if found is None:
            return []
        if not found.painted:
            if self.model is None:
                return []
            return [
                f"Of the {found.pixels:,} pixels there that the base got wrong, {found.after:.0%} are right."
            ]
        if self.model is None:
            return [f"Of the {found.pixels:,} pixels you corrected, {found.before:.0%} are right."]
        shares = f"{found.before:.0%} were right before, {found.after:.0%} after"
        if found.held is None:
            apart = "none of them was used for validation"
        else:
            apart = (
                f"of the {found.held.pixels:,} used for validation, {found.held.before:.0%} and "
                f"{found.held.after:.0%}"
            )
        return [f"Of the {found.pixels:,} pixels you corrected, {shares}; {apart}."]


def _corrected(plain: dict[str, Any] | None) -> Corrected | None:
    return None if plain is None else Corrected(**(plain | {"held": _corrected(plain["held"])}))
